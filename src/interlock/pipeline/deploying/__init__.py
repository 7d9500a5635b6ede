"""Into an environment: what is live there, beside what, and its online store."""
