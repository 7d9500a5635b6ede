"""Candidates and baselines: split, encode, search, fit, and turn scores into answers."""
