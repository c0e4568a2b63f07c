"""From the bytes of a file that can come from anywhere to pixels and numbers."""
