"""A ledger that was lost, made again of what is signed."""
