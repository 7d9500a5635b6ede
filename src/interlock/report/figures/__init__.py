"""Figures, one module a part of the report's content; each has its numbers as a table."""
