"""Labels that a trajectory has bought, whole images or not, and what it may still spend."""
