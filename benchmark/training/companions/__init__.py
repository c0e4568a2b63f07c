"""What strategies train beside the network, and what it is told while it is trained."""
