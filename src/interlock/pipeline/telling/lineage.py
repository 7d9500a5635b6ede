"""What a release was made from, and what was signed about it, oldest first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from interlock.digest import digest_bytes
from interlock.release.attest import verify
from interlock.release.keys import PublicKey
from interlock.report import content as report
from interlock.store.rows import DeliveryRow


def tell_lineage(
    row: DeliveryRow,
    *,
    code: str,
    libraries: Mapping[str, str],
    envelopes: Iterable[bytes],
    keys: Collection[PublicKey],
) -> report.Lineage:
    """Raises IntegrityError for an envelope that those keys do not vouch for."""
    said = [(verify(envelope, keys), digest_bytes(envelope)) for envelope in envelopes]
    said.sort(key=lambda one: (int(one[0].predicate.get("at", 0)), one[1]))
    return report.Lineage(
        commit=None if row.git_commit.startswith("files:") else row.git_commit,
        dirty=row.dirty,
        code=code,
        libraries=libraries,
        attestations=tuple(
            report.Attestation(kind=statement.told, keyid=statement.signer, digest=digest)
            for statement, digest in said
        ),
    )
