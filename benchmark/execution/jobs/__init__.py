"""Jobs wherever they run: which comes next, one in its process, which are done."""
