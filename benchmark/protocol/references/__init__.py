"""What strategies are read against: constant predictions, and the noise of choosing without any merit."""
