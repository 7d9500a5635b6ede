"""The ledger: the chain of events and its projections."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    _chain()
    _deliveries()
    _stage_results()
    _deployments()
    _attestations()
    _releases()


def _event() -> sa.Column[int]:
    return sa.Column("event", sa.BigInteger, sa.ForeignKey("events.sequence"), nullable=False)


def _chain() -> None:
    op.create_table(
        "events",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("ix_events_subject", "events", ["subject"])
    op.create_index("ix_events_product", "events", ["product"])
    head = op.create_table(
        "chain_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "sequence": 0, "hash": "0" * 64}])


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("as_of", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("git_commit", sa.String(64), nullable=False),
        sa.Column("dirty", sa.Boolean, nullable=False),
        sa.Column("goal", sa.String(64), nullable=False),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.BigInteger),
        sa.Column("bundle", sa.String(64)),
        sa.Column("summary", sa.Text, nullable=False),
        _event(),
        sa.UniqueConstraint("product", "number", name="one_number_a_delivery"),
    )


def _stage_results() -> None:
    op.create_table(
        "stage_results",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("stage", sa.String(64), nullable=False),
        sa.Column("output", sa.Text, nullable=False),
        sa.Column("seconds", sa.Float(53), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        _event(),
    )


def _deployments() -> None:
    op.create_table(
        "deployments",
        sa.Column("product", sa.String(64), primary_key=True),
        sa.Column("environment", sa.String(64), primary_key=True),
        sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("bundle", sa.String(64), nullable=False),
        sa.Column("label", sa.String(32), nullable=False),
        sa.Column("previous_bundle", sa.String(64)),
        sa.Column("previous_label", sa.String(32)),
        sa.Column("previous_delivery", sa.String(64)),
        sa.Column("act", sa.String(16), nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("delivery", sa.String(64), nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        _event(),
    )


def _attestations() -> None:
    op.create_table(
        "attestations",
        sa.Column("subject", sa.String(64), primary_key=True),
        sa.Column("predicate_type", sa.String(64), primary_key=True),
        sa.Column("blob", sa.String(64), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        _event(),
    )


def _releases() -> None:
    op.create_table(
        "releases",
        sa.Column("bundle", sa.String(64), primary_key=True),
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("label", sa.String(32), nullable=False),
        sa.Column("delivery", sa.String(64), nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        _event(),
        sa.UniqueConstraint("product", "label", name="one_release_a_label"),
    )
