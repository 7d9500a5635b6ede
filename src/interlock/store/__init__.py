"""Bytes, digests and rows: artifacts, ledger, online features. Knows no domain type."""
