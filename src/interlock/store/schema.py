"""The ledger's tables: one append-only chain of events, and what is read from it.

Invariants: every table but ``events`` and ``chain_head`` can be made again from the events; its
``event`` column names the event that made the row. Times are UTC microseconds; JSON is canonical
text. ``store/migrations`` makes the same tables; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

REVISION = "0003"  # the newest migration; the ledger opens at once when the database has it

metadata = MetaData()


def _event() -> Column[int]:
    return Column("event", BigInteger, ForeignKey("events.sequence"), nullable=False)


events = Table(
    "events",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("subject", String(128), nullable=False, index=True),
    Column("product", String(64), nullable=False, index=True),
    Column("body", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

chain_head = Table(
    "chain_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("product", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("as_of", BigInteger, nullable=False),
    Column("status", String(32), nullable=False),
    Column("git_commit", String(64), nullable=False),
    Column("dirty", Boolean, nullable=False),
    Column("goal", String(64), nullable=False),
    Column("hold", Boolean, nullable=False, server_default=false()),
    Column("full", Boolean, nullable=False, server_default=false()),
    Column("started", BigInteger, nullable=False),
    Column("finished", BigInteger),
    Column("bundle", String(64)),
    Column("summary", Text, nullable=False),
    _event(),
    UniqueConstraint("product", "number", name="one_number_a_delivery"),
)

stage_results = Table(
    "stage_results",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("stage", String(64), nullable=False),
    Column("output", Text, nullable=False),
    Column("seconds", Float(53), nullable=False),
    Column("at", BigInteger, nullable=False),
    _event(),
)

deployments = Table(
    "deployments",
    metadata,
    Column("product", String(64), primary_key=True),
    Column("environment", String(64), primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("bundle", String(64), nullable=False),
    Column("label", String(32), nullable=False),
    Column("previous_bundle", String(64)),
    Column("previous_label", String(32)),
    Column("previous_delivery", String(64)),
    Column("act", String(16), nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("delivery", String(64), nullable=False),
    Column("since", BigInteger, nullable=False),
    _event(),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("product", String(64), primary_key=True),
    Column("environment", String(64), primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("bundle", String(64), nullable=False),
    Column("label", String(32), nullable=False),
    Column("delivery", String(64), nullable=False),
    Column("act", String(16), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("buckets", Integer, nullable=False),
    Column("salt", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("began", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    _event(),
)

attestations = Table(
    "attestations",
    metadata,
    Column("subject", String(64), primary_key=True),
    Column("predicate_type", String(64), primary_key=True),
    Column("blob", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
    _event(),
)

releases = Table(
    "releases",
    metadata,
    Column("bundle", String(64), primary_key=True),
    Column("product", String(64), nullable=False),
    Column("label", String(32), nullable=False),
    Column("delivery", String(64), nullable=False),
    Column("facts", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    _event(),
    UniqueConstraint("product", "label", name="one_release_a_label"),
)

PROJECTIONS = (deliveries, stage_results, deployments, rollouts, attestations, releases)
