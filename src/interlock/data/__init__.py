"""What a product reads: the request, sources, snapshots and their profile."""
