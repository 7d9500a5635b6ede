"""How each kind of event shows in the tables that are read.

``apply`` is the only writer of projections, so replaying the events makes the same tables again.
A kind that is not listed here changes no table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update

from interlock.digest import canonical_json
from interlock.store import schema
from interlock.store.rows import Event

DELIVERY_STARTED = "delivery started"
DELIVERY_MOVED = "delivery moved"
STAGE_FINISHED = "stage finished"
STAGES_FORGOTTEN = "stages forgotten"
DEPLOYED = "deployed"
ROLLED_OUT = "rolled out"
ATTESTED = "attested"
RELEASED = "released"
ENVELOPE = "envelope"  # in an act's event, what was signed of it; no table has it

_INSERTS: Mapping[str, Table] = {
    DELIVERY_STARTED: schema.deliveries,
    STAGE_FINISHED: schema.stage_results,
    DEPLOYED: schema.deployments,
    ROLLED_OUT: schema.rollouts,
    ATTESTED: schema.attestations,
    RELEASED: schema.releases,
}
_JSON = {"summary", "output", "facts"}


def apply(connection: Connection, event: Event) -> None:
    """Write what the event says; does nothing for kinds without a table."""
    if event.kind == DELIVERY_MOVED:
        table = schema.deliveries
        connection.execute(
            update(table).where(table.c.id == event.subject).values(_columns(event, event.body))
        )
    elif event.kind == STAGES_FORGOTTEN:
        stages = schema.stage_results
        for key in event.body["keys"]:
            connection.execute(delete(stages).where(stages.c.key == key))
    elif event.kind in _INSERTS:
        if event.kind == STAGE_FINISHED:  # a stage may be run again: the last result counts
            stages = schema.stage_results
            connection.execute(delete(stages).where(stages.c.key == event.body["key"]))
        connection.execute(insert(_INSERTS[event.kind]).values(_columns(event, event.body)))


def replay(connection: Connection, events: Iterable[Event]) -> None:
    """Empty every projection and make it again."""
    for table in reversed(schema.PROJECTIONS):
        connection.execute(delete(table))
    for event in events:
        apply(connection, event)


def contents(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every projection's rows by table, in a fixed order."""
    return {
        table.name: sorted(
            (tuple(row) for row in connection.execute(select(table))), key=canonical_json
        )
        for table in schema.PROJECTIONS
    }


def _columns(event: Event, body: Mapping[str, Any]) -> dict[str, Any]:
    row = {k: canonical_json(v).decode() if k in _JSON else v for k, v in body.items()}
    row.pop(ENVELOPE, None)
    return {**row, "event": event.sequence}
