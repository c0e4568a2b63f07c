"""What it costs: speed of this machine, beside a plain loop, and the price of a run before it starts."""
