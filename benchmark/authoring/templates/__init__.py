"""Files to begin with, as text."""
