"""Deliveries: what was asked of them, so that one that is resumed does the same."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; those who wrote rows before did not say."""
    for name in ("hold", "full"):
        column = sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())
        op.add_column("deliveries", column)
