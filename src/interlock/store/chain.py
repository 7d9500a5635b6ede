"""The hash chain: every event's hash covers all before it.

>>> first = link(GENESIS, at=5, kind="noted", subject="s", product="p", body={"a": 1})
>>> first.sequence, first.previous == GENESIS.hash
(1, True)
>>> first_broken([first], Head(sequence=1, hash=first.hash)) is None
True
>>> first_broken([], Head(sequence=1, hash=first.hash))
1
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from interlock.digest import canonical_json, digest_json, parse_canonical
from interlock.store import projections, schema
from interlock.store.rows import Event, Head

GENESIS = Head(sequence=0, hash="0" * 64)


def link(
    head: Head, *, at: int, kind: str, subject: str, product: str, body: Mapping[str, Any]
) -> Event:
    """The event that follows the head."""
    fields: dict[str, Any] = {
        "sequence": head.sequence + 1,
        "at": at,
        "kind": kind,
        "subject": subject,
        "product": product,
        "body": dict(body),
        "previous": head.hash,
    }
    return Event(**fields, hash=digest_json(fields))


def first_broken(events: Iterable[Event], head: Head, anchor: Head | None = None) -> int | None:
    """The first sequence at which the events, in order, are not an unbroken chain up to the head.

    ``anchor`` is a head that was kept elsewhere (signed, printed): the chain must pass through it,
    so that even who can write every table cannot cut the chain or make it anew unseen.
    """
    last = GENESIS
    for event in events:
        if event.sequence != last.sequence + 1 or not _is_linked(event, last):
            return last.sequence + 1
        if anchor and event.sequence == anchor.sequence and event.hash != anchor.hash:
            return event.sequence
        last = Head(sequence=event.sequence, hash=event.hash)
    if last != head:
        return min(last.sequence, head.sequence) + 1
    if anchor and anchor.sequence > last.sequence:
        return last.sequence + 1
    return None


def _is_linked(event: Event, last: Head) -> bool:
    fields = dict(vars(event))
    found = fields.pop("hash")
    try:
        return event.previous == last.hash and digest_json(fields) == found
    except (TypeError, ValueError):  # a column holds what no event holds
        return False


@dataclass(frozen=True)
class Turn:
    """The right to append: one transaction at a time holds it, until it ends."""

    connection: Connection

    @classmethod
    def take(cls, connection: Connection) -> Turn:
        """Wait for the turn. SQLite locks the file, other databases the row of the chain's end."""
        connection.execute(select(schema.chain_head).with_for_update())
        return cls(connection)

    def record(
        self, kind: str, *, subject: str, product: str, at: int, body: Mapping[str, Any]
    ) -> Event:
        """Append one event and write what follows from it."""
        head = read_head(self.connection)
        event = link(head, at=at, kind=kind, subject=subject, product=product, body=body)
        self.connection.execute(insert(schema.events).values(event_row(event)))
        self.connection.execute(
            update(schema.chain_head).values(sequence=event.sequence, hash=event.hash)
        )
        projections.apply(self.connection, event)
        return event


def event_row(event: Event) -> dict[str, Any]:
    """The event as the table has it."""
    return {**vars(event), "body": canonical_json(event.body).decode()}


def read_head(connection: Connection) -> Head:
    """The recorded end of the chain; if its row is gone, an end that no chain has."""
    row = connection.execute(select(schema.chain_head)).mappings().first()
    return Head(sequence=row["sequence"], hash=row["hash"]) if row else replace(GENESIS, hash="")


def stored_events(connection: Connection) -> Iterator[Event]:
    """Every event in order, as it stands."""
    rows = connection.execute(select(schema.events).order_by(schema.events.c.sequence))
    return map(_as_stored, rows.mappings().all())


def _as_stored(row: RowMapping) -> Event:
    """The event of a row; one whose body is not as it was written gets a hash that none has."""
    try:
        return Event(**{**row, "body": parse_canonical(str(row["body"]).encode())})
    except ValueError:
        return Event(**{**row, "body": {}, "hash": ""})
