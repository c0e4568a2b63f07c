"""Data sets of one's own: what registered classes and functions make, and the contract that they keep."""
