"""Environments, and the pure policy that admits a bundle to one."""
