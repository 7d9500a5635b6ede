"""Request features and history features: declared once, packed, computed, looked up."""
