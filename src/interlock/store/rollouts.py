"""The rollouts that the ledger knows: what ran beside the champion of each environment."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.store import projections as kinds
from interlock.store import schema
from interlock.store.acts import newest_in, require_generation, require_revision
from interlock.store.database import Database
from interlock.store.rows import RolloutRow


@dataclass(frozen=True)
class Rollouts:
    """Every act on a rollout; see :mod:`interlock.store.acts`."""

    database: Database

    def record(self, rollout: RolloutRow) -> RolloutRow:
        """Record an act on a rollout, if nothing changed since it was decided.

        Raises OperatorError E101 unless its generation is the one that is live and its revision
        the present one plus one.
        """
        with self.database.turn() as turn:
            require_generation(turn.connection, rollout, rollout.generation)
            require_revision(turn.connection, rollout, rollout.revision - 1)
            turn.record(
                kinds.ROLLED_OUT,
                subject=rollout.bundle,
                product=rollout.product,
                at=rollout.at,
                body=rollout.to_row(),
            )
        return rollout

    def last(self, product: str, environment: str) -> RolloutRow | None:
        """The last act on a rollout there, whether it still runs or not."""
        query = newest_in(schema.rollouts, product, environment)
        return self.database.first(RolloutRow, query.limit(1))

    def newest(
        self, product: str, environment: str, *, limit: int | None = None
    ) -> list[RolloutRow]:
        """The acts on rollouts there, newest first."""
        query = newest_in(schema.rollouts, product, environment)
        return self.database.rows(RolloutRow, query.limit(limit))
