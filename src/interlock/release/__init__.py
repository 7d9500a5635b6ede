"""The release: an immutable bundle, its exact export, and the attestations about it."""
