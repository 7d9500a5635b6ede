"""Signs what a delivery found about a bundle, and keeps it: as a blob, in a folder, in the ledger.

Attesting the same again is harmless: an envelope's name is its digest.
"""

from __future__ import annotations

from dataclasses import dataclass

from interlock.clock import now
from interlock.digest import digest_bytes
from interlock.pipeline.places import Places
from interlock.release.attest import Statement, sign
from interlock.release.keys import PublicKey, SigningKey
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
        envelope = sign(statement, self.key)
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

    def envelopes(self, digest: str) -> list[bytes]:
        """Every kept envelope about a bundle, as it lies in its folder."""
        folder = self.places.attestations(digest)
        return [path.read_bytes() for path in sorted(folder.glob("*.json"))]
