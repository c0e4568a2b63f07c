"""The design of a study, declared before it runs: its tests, looks, margin, power and number of seeds."""
