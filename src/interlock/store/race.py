"""Of two acts that were decided on the same state of an environment, one wins: these say which.

Asked inside the transaction in which the winner is recorded.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from interlock.errors import OperatorError
from interlock.store import schema
from interlock.store.rows import DeploymentRow, RolloutRow


def live_generation(connection: Connection, row: DeploymentRow | RolloutRow) -> int:
    """The generation that is live where the row is about; 0 for none."""
    table = schema.deployments
    last = select(func.max(table.c.generation)).where(
        table.c.product == row.product, table.c.environment == row.environment
    )
    return connection.execute(last).scalar() or 0


def require_revision(connection: Connection, row: RolloutRow, wanted: int) -> None:
    """Raises OperatorError E101 unless the rollouts of the row's generation are at this one."""
    table = schema.rollouts
    last = select(func.max(table.c.revision)).where(
        table.c.product == row.product,
        table.c.environment == row.environment,
        table.c.generation == row.generation,
    )
    present = connection.execute(last).scalar() or 0
    if present != wanted:
        raise OperatorError(
            "E101",
            f"the rollout in {row.environment} was changed in the meantime",
            where=f"{row.product} in {row.environment}",
            expected=f"revision {wanted}, on which this was decided",
            got=f"revision {present}",
            fix="look at what runs now with `interlock status`, then decide again",
            untouched="what answers",
        )


def conflict(row: DeploymentRow | RolloutRow, decided_on: int, present: int) -> OperatorError:
    """The error of the act that came second."""
    return OperatorError(
        "E101",
        f"something else was deployed to {row.environment} in the meantime",
        where=f"{row.product} in {row.environment}",
        expected=f"generation {decided_on}, on which this was decided",
        got=f"generation {present}",
        fix="look at what is live now with `interlock status`, then decide again",
        untouched="what is live",
    )
