"""A release's model, loaded to score rows; what the service imports: a module a format."""
