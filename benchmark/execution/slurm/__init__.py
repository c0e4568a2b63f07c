"""The SLURM engine: jobs as arrays on a cluster."""
