"""The prediction log: what was asked and answered, written, read, shipped, erased."""
