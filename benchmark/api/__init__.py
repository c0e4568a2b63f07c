"""Studies in Python: what `from benchmark import ..` hands on, and the command line stands on."""
