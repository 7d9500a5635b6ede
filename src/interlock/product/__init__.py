"""A product: its declarations, the mistakes in them, and what they bind to."""
