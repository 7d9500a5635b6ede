"""Checks that judge measurements, one family a file. They probe nothing themselves."""
