"""What a package can bring to mtal-benchmark: one module for each kind."""
