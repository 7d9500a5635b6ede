"""Signs what a delivery found about a bundle, and keeps it: as a blob, in a folder, in the ledger.

Attesting the same again is harmless: an envelope's name is its digest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from interlock.clock import now
from interlock.deploy.act import Act
from interlock.digest import digest_bytes
from interlock.pipeline.places import Places
from interlock.release.attest import DEPLOYMENT, Statement, sign, verify
from interlock.release.keys import PublicKey, SigningKey
from interlock.serve.loaded.proofs import claimed
from interlock.store.artifacts import ArtifactStore
from interlock.store.atomic import write_file
from interlock.store.ledger import Ledger
from interlock.store.rows import AttestationRow


@dataclass(frozen=True, kw_only=True)
class Notary:
    """Holds the signing key; ``keys`` are those whose statements count."""

    key: SigningKey
    keys: tuple[PublicKey, ...]
    places: Places
    artifacts: ArtifactStore
    ledger: Ledger

    def attest(self, statement: Statement) -> None:
        """Sign and keep a statement about a bundle."""
        self.keep(statement, sign(statement, self.key))

    def keep(self, statement: Statement, envelope: bytes) -> None:
        """Keep what was signed of a bundle."""
        digest = digest_bytes(envelope)
        folder = self.places.attestations(statement.subject)
        folder.mkdir(parents=True, exist_ok=True)
        self.artifacts.put(envelope)
        write_file(folder / f"{digest}.json", envelope)
        self.ledger.attestations.add(
            AttestationRow(
                subject=statement.subject,
                predicate_type=statement.predicate_type,
                blob=digest,
                at=now(),
            ),
            product=statement.name,
        )

    def acts(self, product: str, environment: str) -> frozenset[Act]:
        """What is signed beside bundles of acts in an environment.

        Raises IntegrityError R120, R121 or R122 for a statement of one that does not hold.
        """
        found = (
            path.read_bytes() for path in sorted(self.places.all_attestations.glob("*/*.json"))
        )
        here = {"product": product, "environment": environment}
        return self.signed(
            [said for said in found if here.items() <= claimed(said, DEPLOYMENT).items()]
        )

    def signed(self, envelopes: Iterable[bytes]) -> frozenset[Act]:
        """The acts that envelopes are about, each verified. Raises as :meth:`acts`."""
        said = [Act.of_statement(verify(envelope, self.keys)) for envelope in envelopes]
        return frozenset(act for act in said if act is not None)

    def envelopes(self, digest: str) -> list[bytes]:
        """Every kept envelope about a bundle, as it lies in its folder."""
        folder = self.places.attestations(digest)
        return [path.read_bytes() for path in sorted(folder.glob("*.json"))]
