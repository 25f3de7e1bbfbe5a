"""Scores for validation and test photos, and the baselines they are held against."""
