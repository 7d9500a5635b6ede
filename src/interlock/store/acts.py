"""What deployments and rollouts have in common: they are acts in an environment, one after another.

Invariants: of two acts that were decided on the same state one wins, and the other is refused; what
is signed of an act stands in its event. The
``generation`` of an environment counts its deployments; a rollout's ``revision`` counts the acts
within the generation. Both are asked for inside the transaction in which the act is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select

from interlock.errors import OperatorError
from interlock.store import schema
from interlock.store.database import Database
from interlock.store.projections import ENVELOPE
from interlock.store.rows import DeploymentRow, Event, Head, RolloutRow

Act = DeploymentRow | RolloutRow
Seal = Callable[[Head], str]
"""Signs an act, given the end of the chain that its event follows; the envelope as text."""


def sealed(act: Act, seal: Seal | None, head: Head) -> dict[str, Any]:
    """The body of an act's event: the row, and the envelope that was signed about it with it.

    So no act is on record for even a moment without what was signed of it, and whoever comes after
    a killed process need not sign what it finds in the ledger.
    """
    return act.to_row() | ({} if seal is None else {ENVELOPE: seal(head)})


def envelopes(database: Database, kind: str, product: str, environment: str) -> list[str]:
    """What was signed with the acts of that kind there, oldest first."""
    query = select(schema.events).where(
        schema.events.c.kind == kind, schema.events.c.product == product
    )
    found = database.rows(Event, query.order_by(schema.events.c.sequence))
    here = [event.body for event in found if event.body.get("environment") == environment]
    return [str(body[ENVELOPE]) for body in here if ENVELOPE in body]


def newest_in(table: Table, product: str, environment: str) -> Select[Any]:
    """The acts of a table in one environment, newest first by what is signed of their order."""
    here = (table.c.product == product, table.c.environment == environment)
    order = [table.c[name].desc() for name in ("generation", "revision") if name in table.c]
    return select(table).where(*here).order_by(*order)


def places(database: Database, table: Table) -> list[tuple[str, str]]:
    """Every product and environment that the table has an act of."""
    with database.reading() as connection:
        found = connection.execute(select(table.c.product, table.c.environment).distinct())
        return [(str(product), str(environment)) for product, environment in found]


def require_generation(connection: Connection, act: Act, wanted: int) -> None:
    """Raises OperatorError E101 unless this generation is live where the act is; 0 is none."""
    table = schema.deployments
    last = select(func.max(table.c.generation)).where(
        table.c.product == act.product, table.c.environment == act.environment
    )
    present = connection.execute(last).scalar() or 0
    if present != wanted:
        raise OperatorError(
            "E101",
            f"something else was deployed to {act.environment} in the meantime",
            where=f"{act.product} in {act.environment}",
            expected=f"generation {wanted}, on which this was decided",
            got=f"generation {present}",
            fix="look at what is live now with `interlock status`, then decide again",
            untouched="what is live",
        )


def require_revision(connection: Connection, act: RolloutRow, wanted: int) -> None:
    """Raises OperatorError E101 unless the rollouts of the act's generation are at this one."""
    table = schema.rollouts
    last = select(func.max(table.c.revision)).where(
        table.c.product == act.product,
        table.c.environment == act.environment,
        table.c.generation == act.generation,
    )
    present = connection.execute(last).scalar() or 0
    if present != wanted:
        raise OperatorError(
            "E101",
            f"the rollout in {act.environment} was changed in the meantime",
            where=f"{act.product} in {act.environment}",
            expected=f"revision {wanted}, on which this was decided",
            got=f"revision {present}",
            fix="look at what runs now with `interlock status`, then decide again",
            untouched="what answers",
        )
