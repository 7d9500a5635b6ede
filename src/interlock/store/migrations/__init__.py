"""Alembic migrations of the ledger, packaged so that opening a ledger brings it up to date."""
