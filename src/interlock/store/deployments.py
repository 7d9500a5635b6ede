"""The deployments that the ledger knows: what answered in each environment, and since when."""

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
from interlock.store.rows import DeploymentRow, RolloutRow


@dataclass(frozen=True)
class Deployments:
    """Every deployment; see :mod:`interlock.store.acts`."""

    database: Database

    def record(
        self,
        deployment: DeploymentRow,
        *,
        seal: Seal | None = None,
        promotes: RolloutRow | None = None,
    ) -> DeploymentRow:
        """Record what answers from now on, signed, if nothing was deployed since it was decided.

        Raises OperatorError E101 unless its generation is the present one plus one: of two acts
        that were decided on the same generation, one wins. So with the rollout that it promotes:
        nobody may have changed it meanwhile.
        """
        with self.database.turn() as turn:
            require_generation(turn.connection, deployment, deployment.generation - 1)
            if promotes is not None:
                require_revision(turn.connection, promotes, promotes.revision)
            turn.record(
                kinds.DEPLOYED,
                subject=deployment.bundle,
                product=deployment.product,
                at=deployment.since,
                body=sealed(deployment, seal, read_head(turn.connection)),
            )
        return deployment

    def envelopes(self, product: str, environment: str) -> list[str]:
        """What was signed of the acts there as they were recorded, oldest first."""
        return envelopes(self.database, kinds.DEPLOYED, product, environment)

    def places(self) -> list[tuple[str, str]]:
        """The products and environments of which there is any."""
        return places(self.database, schema.deployments)

    def last(self, product: str, environment: str) -> DeploymentRow | None:
        """What answers there now."""
        query = newest_in(schema.deployments, product, environment)
        return self.database.first(DeploymentRow, query.limit(1))

    def newest(
        self, product: str, environment: str, *, limit: int | None = None
    ) -> list[DeploymentRow]:
        """What answered there, newest first."""
        query = newest_in(schema.deployments, product, environment)
        return self.database.rows(DeploymentRow, query.limit(limit))
