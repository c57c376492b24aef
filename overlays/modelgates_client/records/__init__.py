"""What an answer is made into: `Generation` and what is computed from it."""
