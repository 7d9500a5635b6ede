"""Where the ledger says that a bundle's attestations are kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import select

from interlock.store import projections as kinds
from interlock.store import schema
from interlock.store.database import Database
from interlock.store.rows import AttestationRow

_TABLE = schema.attestations


@dataclass(frozen=True)
class Attestations:
    """What is said about every bundle."""

    database: Database

    def add(self, attestation: AttestationRow, *, product: str) -> None:
        """Record where an attestation is kept; recording it twice is recording it once."""
        same = select(_TABLE).where(
            _TABLE.c.subject == attestation.subject,
            _TABLE.c.predicate_type == attestation.predicate_type,
            _TABLE.c.blob == attestation.blob,
        )
        with self.database.turn() as turn:
            if turn.connection.execute(same).first() is None:
                turn.record(
                    kinds.ATTESTED,
                    subject=attestation.subject,
                    product=product,
                    at=attestation.at,
                    body=asdict(attestation),
                )

    def about(self, subject: str, *, predicate_type: str | None = None) -> list[AttestationRow]:
        """What is said about a bundle, oldest first."""
        query = select(_TABLE).where(_TABLE.c.subject == subject)
        if predicate_type is not None:
            query = query.where(_TABLE.c.predicate_type == predicate_type)
        return self.database.rows(AttestationRow, query.order_by(_TABLE.c.event))
