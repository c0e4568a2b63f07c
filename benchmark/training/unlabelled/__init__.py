"""Training on images without labels: a first network's predictions stand for them."""
