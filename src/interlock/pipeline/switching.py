"""What is live where, and making something else live: needs the ledger, not the project's code.

So a rollback works when the product's file is broken, and costs no import of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from interlock.deploy.pointer import publish
from interlock.pipeline.notary import Notary
from interlock.pipeline.places import Places
from interlock.release.attest import DEPLOYMENT, verify
from interlock.release.bundle import Bundle, open_bundle
from interlock.release.statements import deployment_statement
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger
from interlock.store.rows import DeploymentRow


@dataclass(frozen=True, kw_only=True)
class Switch:
    """Acts on the live pointers of one product."""

    product: str
    ledger: Ledger
    artifacts: ArtifactStore
    places: Places
    notary: Notary

    def current(self, environment: str) -> DeploymentRow | None:
        """What is live there."""
        return self.ledger.deployment(self.product, environment)

    def bundle(self, digest: str) -> Bundle:
        """A bundle of this project, verified. Raises IntegrityError."""
        return open_bundle(self.artifacts.tree(digest), expected_digest=digest)

    def to(self, row: DeploymentRow, current: DeploymentRow | None) -> DeploymentRow:
        """Record a deployment, attest it, and publish its pointer; whatever is done is not redone.

        A service loads nothing that is not attested, so the pointer comes last.
        """
        if row != current:
            self.ledger.deploy(row)
        if row != current or not self._is_attested(row):  # who deployed it may have been killed
            head = self.ledger.head()
            self.notary.attest(
                deployment_statement(
                    bundle=row.bundle,
                    product=self.product,
                    environment=row.environment,
                    generation=row.generation,
                    act=row.act,
                    reason=row.reason,
                    at=row.since,
                    ledger_sequence=head.sequence,
                    ledger_hash=head.hash,
                )
            )
        publish(self.places.pointers, row)
        return row

    def _is_attested(self, row: DeploymentRow) -> bool:
        said = (verify(e, self.notary.keys) for e in self.notary.envelopes(row.bundle))
        wanted = (row.environment, row.generation)
        return any(
            (a.predicate["environment"], a.predicate["generation"]) == wanted
            for a in said
            if a.predicate_type == DEPLOYMENT and a.name == row.product
        )
