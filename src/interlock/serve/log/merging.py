"""What compaction of an archive did, and the proof that no row was changed by it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from interlock.errors import IntegrityError
from interlock.wording import counted

PROVEN = ["worker", "segment", "offset", "sequence", "record"]
"""The columns that identify a row and hold all that was logged."""


@dataclass(frozen=True, kw_only=True)
class Merged:
    """One step: so many ``files`` became ``made``, with so many ``rows``."""

    files: int
    made: int
    rows: int


class Fingerprint:
    """The number of rows seen, and a digest of them that does not depend on their order.

    >>> names = ["worker", "segment", "offset", "sequence", "record"]
    >>> first, second = [["w"], [0], [4], [1], [b"x"]], [["w"], [0], [9], [2], [b"y"]]
    >>> one, other = Fingerprint(), Fingerprint()
    >>> for batch in (first, second):
    ...     one.see(pa.record_batch(batch, names=names))
    >>> for batch in (second, first):
    ...     other.see(pa.record_batch(batch, names=names))
    >>> one == other, one.rows
    (True, 2)
    """

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def see(self, batch: pa.RecordBatch) -> None:
        """Count these rows in."""
        *places, records = (batch.column(name) for name in PROVEN)
        said = [place.cast(pa.string()).cast(pa.binary()) for place in places]
        rows = pc.binary_join_element_wise(*said, records.cast(pa.binary()), b" ")
        for row in rows.to_pylist():
            self._sum += int.from_bytes(blake2b(row, digest_size=32).digest(), "little")
        self._sum %= 1 << 256
        self.rows += batch.num_rows

    def __eq__(self, other: object) -> bool:
        """Whether these are the same rows, each as often."""
        if not isinstance(other, Fingerprint):
            return NotImplemented
        return (self.rows, self._sum) == (other.rows, other._sum)

    __hash__ = None  # type: ignore[assignment] # it grows

    @classmethod
    def of(cls, batches: Iterable[pa.RecordBatch]) -> Fingerprint:
        """That of all of them."""
        found = cls()
        for batch in batches:
            found.see(batch)
        return found


def require_same(before: Fingerprint, after: Fingerprint, *, where: Any) -> None:
    """Raises IntegrityError S189 unless what was made holds the rows it was made of."""
    if before != after:
        raise IntegrityError(
            "S189",
            "compacted records are not those that they were made of",
            where=str(where),
            expected=f"the same {counted(before.rows, 'row')}, each once",
            got=f"{counted(after.rows, 'row')}, not the same",
            fix="check the disk and its file system, then compact again",
            untouched="the shipped records",
        )
