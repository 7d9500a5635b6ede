"""The ledger: what happened, in an order that cannot be changed unseen, and what follows from it.

Invariants: an act is one transaction that appends its event and writes its projection, or neither;
two acts at once queue, and each sees the other; an act in an environment is compare-and-set on the
state that it was decided on. The ledger knows no domain: it keeps rows and says where two of them
collide. What follows from the events is read and added by the noun: ``ledger.releases`` and so on,
each a module of this package.

>>> ledger = Ledger.open(getfixture("tmp_path") / "ledger.db")
>>> ledger.append("noted", subject="s", product="p", body={"words": "all clear"}, at=5).sequence
1
>>> ledger.verify_chain() is None
True
>>> ledger.deployments.last("p", "prod") is None
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, select

from interlock.store import projections, schema
from interlock.store.attestations import Attestations
from interlock.store.chain import first_broken, read_head, stored_events
from interlock.store.database import Database
from interlock.store.deliveries import Deliveries
from interlock.store.deployments import Deployments
from interlock.store.releases import Releases
from interlock.store.rollouts import Rollouts
from interlock.store.rows import Event, Head
from interlock.store.stages import Stages


@dataclass(frozen=True)
class Ledger:
    """A ledger in a relational database; safe to share between threads and processes."""

    database: Database

    @classmethod
    def open(cls, place: str | Path, *, busy_seconds: float = 10.0) -> Ledger:
        """The ledger at a path or SQLAlchemy URL, made or migrated where that is needed.

        Raises StoreError L110 (locked), L111 (damaged), L112 (newer than this version), L113.
        """
        return cls(Database.open(place, busy_seconds=busy_seconds))

    # -- what follows from the events --------------------------------------------------------

    @property
    def deliveries(self) -> Deliveries:
        """Every run of the whole path."""
        return Deliveries(self.database)

    @property
    def stages(self) -> Stages:
        """The last result of every stage that has run."""
        return Stages(self.database)

    @property
    def releases(self) -> Releases:
        """Every release."""
        return Releases(self.database)

    @property
    def attestations(self) -> Attestations:
        """What is said about every bundle."""
        return Attestations(self.database)

    @property
    def deployments(self) -> Deployments:
        """What answered in each environment."""
        return Deployments(self.database)

    @property
    def rollouts(self) -> Rollouts:
        """What ran beside the champion of each environment."""
        return Rollouts(self.database)

    # -- the events --------------------------------------------------------------------------

    def append(
        self, kind: str, *, subject: str, product: str, body: Mapping[str, Any], at: int
    ) -> Event:
        """Record that something happened. Raises ValueError for a body that is not JSON."""
        with self.database.turn() as turn:
            return turn.record(kind, subject=subject, product=product, at=at, body=body)

    def events(
        self,
        *,
        product: str | None = None,
        kind: str | None = None,
        subject: str | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> list[Event]:
        """Events in order, after that sequence; filters left out match everything."""
        wanted = {"product": product, "kind": kind, "subject": subject}
        query = select(schema.events).where(schema.events.c.sequence > after)
        for name, value in wanted.items():
            query = query if value is None else query.where(schema.events.c[name] == value)
        return self.database.rows(Event, query.order_by(schema.events.c.sequence).limit(limit))

    def head(self) -> Head:
        """The end of the chain: keep it elsewhere (sign it, print it) to anchor the past."""
        with self.database.reading() as connection:
            return read_head(connection)

    def verify_chain(self, anchor: Head | None = None) -> int | None:
        """The first sequence at which the chain is broken, or None.

        Finds edited, deleted, reordered and inserted events, and a cut end. Who can write every
        table could make the chain anew: against that, give an ``anchor`` kept elsewhere.
        """
        with self.database.reading() as connection:
            return first_broken(stored_events(connection), read_head(connection), anchor)

    # -- the projections ---------------------------------------------------------------------

    def rebuild(self) -> None:
        """Make every projection again from the events."""
        with self.database.writing() as connection:
            projections.replay(connection, stored_events(connection))

    def altered_projections(self) -> tuple[str, ...]:
        """Tables that differ from what the events say: someone wrote to them directly.

        The events are replayed in memory: nothing is written, so a full disk is no hindrance.
        """
        with self.database.reading() as connection:
            before, events = projections.contents(connection), list(stored_events(connection))
        with create_engine("sqlite://").connect() as apart:
            schema.metadata.create_all(apart, tables=list(schema.PROJECTIONS))
            projections.replay(apart, events)
            after = projections.contents(apart)
        return tuple(name for name in before if before[name] != after[name])
