"""The loop, and what moves the weights."""
