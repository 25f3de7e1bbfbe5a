"""Soft votes of finished runs, and the submission files made of them."""
