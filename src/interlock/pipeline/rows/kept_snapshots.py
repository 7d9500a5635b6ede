"""Whether the snapshots that releases were made of are kept whole, or are gone on record.

Invariants: what is missing without a tombstone is a defect, and so is an erased blob that is still
there. A release whose snapshot the ledger never saw is not asked about.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from interlock.errors import IntegrityError
from interlock.pipeline.rows.tombstones import (
    StoredSnapshot,
    Tombstone,
    snapshot_of,
    stored_snapshots,
    tombstones,
)
from interlock.release.keys import PublicKey
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger
from interlock.store.rows import ReleaseRow


@dataclass(frozen=True, kw_only=True)
class KeptSnapshots:
    """The snapshots of one product. Each blob is read once, though many releases share it."""

    artifacts: ArtifactStore
    stored: tuple[StoredSnapshot, ...]
    erased: Mapping[str, Tombstone]
    whole: dict[str, bool] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        ledger: Ledger,
        artifacts: ArtifactStore,
        product: str,
        keys: Collection[PublicKey],
    ) -> KeptSnapshots:
        """What the ledger says of that product. Raises IntegrityError R171 and others."""
        return cls(
            artifacts=artifacts,
            stored=tuple(stored_snapshots(ledger, product)),
            erased=tombstones(ledger, product, keys),
        )

    def verify(self, release: ReleaseRow) -> None:
        """Raises IntegrityError R101 (altered), R169 (gone, unrecorded), R170 (erased, there)."""
        identity = snapshot_of(release)
        stone = self.erased.get(identity)
        if stone is not None:
            left = [blob for blob in stone.blobs if self.artifacts.has(blob)]
            if left:
                raise still_there(self.artifacts.path(left[0]), release)
            return
        taken = [snapshot.blobs for snapshot in self.stored if snapshot.snapshot == identity]
        if taken and not any(all(map(self._is_whole, blobs)) for blobs in taken):
            gone = next(blob for blob in taken[-1] if not self._is_whole(blob))
            raise _gone(self.artifacts.path(gone), release)

    def _is_whole(self, blob: str) -> bool:
        if blob not in self.whole:
            there = self.artifacts.has(blob)
            if there:
                self.artifacts.get(blob)  # raises for other bytes than were stored
            self.whole[blob] = there
        return self.whole[blob]


def _gone(path: str, release: ReleaseRow) -> IntegrityError:
    return IntegrityError(
        "R169",
        "the snapshot that a release was made of is gone",
        where=path,
        expected=f"the rows that release {release.label} was made of, or a record of their erasure",
        got="no such file, and no record",
        fix="restore the file from a backup; rows are erased with `interlock log erase`",
    )


def still_there(path: str, release: ReleaseRow) -> IntegrityError:
    """The error for bytes that a recorded erasure should have deleted."""
    return IntegrityError(
        "R170",
        "rows that were erased are still there, or are back",
        where=path,
        expected=f"nothing: this of release {release.label} was erased on record",
        got="bytes of that name",
        fix="run `interlock log erase` again, and find out who restored the file",
    )
