"""Files to begin with, one for each kind of thing that can be brought along, and the test of each."""
