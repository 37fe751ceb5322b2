"""What ``facerec check`` computes: whether devices compute alike, how fast a training step is, and what limits it."""
