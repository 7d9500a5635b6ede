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

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, insert, select, update
from sqlalchemy.pool import StaticPool

from interlock.errors import StoreError
from interlock.store import projections, schema
from interlock.store.attestations import Attestations
from interlock.store.chain import GENESIS, event_row, first_broken, read_head, stored_events
from interlock.store.database import Database
from interlock.store.deliveries import Deliveries
from interlock.store.deployments import Deployments
from interlock.store.releases import Releases
from interlock.store.rollouts import Rollouts
from interlock.store.rows import Entry, Event, Head
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

    @classmethod
    def in_memory(cls) -> Ledger:
        """One that no file holds, and that ends with this process."""
        engine = create_engine("sqlite://", poolclass=StaticPool)
        schema.metadata.create_all(engine)
        with engine.begin() as connection:
            connection.execute(insert(schema.chain_head).values(id=1, **vars(GENESIS)))
        return cls(Database(engine))

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

    def read(self) -> Copy:
        """All of it at one moment."""
        with self.database.reading() as connection:
            return Copy(
                events=tuple(stored_events(connection)),
                head=read_head(connection),
                tables=projections.contents(connection),
            )

    def verify_chain(self, anchor: Head | None = None) -> int | None:
        """The first sequence at which the chain is broken, or None; as :meth:`Copy.broken_at`."""
        return self.read().broken_at(anchor)

    def begin(self, entries: Iterable[Entry]) -> Head:
        """Record what happened before there was this ledger, all or nothing; its end.

        Raises StoreError L116 where it has events of its own.
        """
        with self.database.turn() as turn:
            if read_head(turn.connection) != GENESIS:
                raise _begun()
            for entry in entries:
                turn.record(**vars(entry))
            return read_head(turn.connection)

    # -- the projections ---------------------------------------------------------------------

    def rebuild(self) -> None:
        """Make every projection again from the events."""
        with self.database.writing() as connection:
            projections.replay(connection, stored_events(connection))

    def altered_projections(self) -> tuple[str, ...]:
        """Tables that differ from what the events say: someone wrote to them directly."""
        return self.read().altered


@dataclass(frozen=True)
class Copy:
    """A ledger as it was at one moment: its events, its recorded end, its tables' rows."""

    events: tuple[Event, ...]
    head: Head
    tables: Mapping[str, list[tuple[Any, ...]]]

    def broken_at(self, anchor: Head | None = None) -> int | None:
        """The first sequence at which the chain is broken, or None.

        Finds edited, deleted, reordered and inserted events, and a cut end. Who can write every
        table could make the chain anew: against that, give an ``anchor`` kept elsewhere.
        """
        return first_broken(self.events, self.head, anchor)

    @cached_property
    def replayed(self) -> Ledger:
        """A ledger of these events alone, in memory: a full disk is no hindrance."""
        ledger = Ledger.in_memory()
        with ledger.database.writing() as connection:
            for event in self.events:
                connection.execute(insert(schema.events).values(event_row(event)))
            connection.execute(update(schema.chain_head).values(**vars(self.head)))
            projections.replay(connection, self.events)
        return ledger

    @cached_property
    def altered(self) -> tuple[str, ...]:
        """Tables that differ from what the events say."""
        with self.replayed.database.reading() as connection:
            meant = projections.contents(connection)
        return tuple(name for name in self.tables if self.tables[name] != meant[name])


def _begun() -> StoreError:
    return StoreError(
        "L116",
        "the ledger has events already",
        expected="a ledger without any, to begin it with what is known from elsewhere",
        got="one that somebody began meanwhile",
        fix="if it is not the right one, set its file aside, and run the same command again",
        untouched="what was recorded",
    )
