"""Pre-trained weights: from files, packages and hubs, checked."""
