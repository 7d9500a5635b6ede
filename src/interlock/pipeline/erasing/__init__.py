"""Erasing a unit from what deliveries have stored."""
