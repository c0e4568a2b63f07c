"""What is kept: rounds and their environment on disk, signs of life, archives to hand on. No torch."""
