"""The service's processes."""
