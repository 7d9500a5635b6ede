"""Candidates: tried, trained, packaged as they will ship, and the one that wins."""
