"""What strategies chose, and how much their choices overlap."""
