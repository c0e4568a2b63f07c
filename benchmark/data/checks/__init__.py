"""What is wrong with a data set: every sample looked at, before a run or for `mtal data check`."""
