"""The rollouts that the ledger knows: what ran beside the champion of each environment."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.store import projections as kinds
from interlock.store import schema
from interlock.store.acts import (
    Seal,
    envelopes,
    newest_in,
    places,
    require_generation,
    require_revision,
    sealed,
)
from interlock.store.chain import read_head
from interlock.store.database import Database
from interlock.store.rows import RolloutRow


@dataclass(frozen=True)
class Rollouts:
    """Every act on a rollout; see :mod:`interlock.store.acts`."""

    database: Database

    def record(self, rollout: RolloutRow, *, seal: Seal | None = None) -> RolloutRow:
        """Record an act on a rollout, signed, if nothing changed since it was decided.

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
                body=sealed(rollout, seal, read_head(turn.connection)),
            )
        return rollout

    def envelopes(self, product: str, environment: str) -> list[str]:
        """What was signed of the acts there as they were recorded, oldest first."""
        return envelopes(self.database, kinds.ROLLED_OUT, product, environment)

    def places(self) -> list[tuple[str, str]]:
        """The products and environments of which there is any."""
        return places(self.database, schema.rollouts)

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
