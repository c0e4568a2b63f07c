"""The Ray engine: jobs side by side on a machine or a Ray cluster."""
