"""The HTTP edge: servers, routes, bounds, and what the service says of itself."""
