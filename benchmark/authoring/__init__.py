"""For those who add strategies: lists of what there is, the contract on a file, files to begin with."""
