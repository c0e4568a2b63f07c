"""What odsF of edges takes: thin lines, matched."""
