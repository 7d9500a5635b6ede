"""A snapshot: a frozen, content-addressed copy of the rows a delivery used.

Invariant: rows are in the order of key and availability; the digest is of these rows, never of file
bytes. :mod:`interlock.data.taking` says which rows are in it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from interlock.data.logical import table_digest
from interlock.data.revisions import (
    FOREVER,
)
from interlock.digest import canonical_json
from interlock.errors import IntegrityError

EVENT_TIME = "__event_time"
AVAILABLE_AT = "__available_at"
SUPERSEDED_AT = "__superseded_at"
REASON = "__reason"

_METADATA = b"interlock.manifest"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a snapshot holds, and what was kept out of it and why. Instants in microseconds.

    ``rows`` counts the latest revisions, ``revisions`` all usable rows with the earlier ones.
    """

    source: str
    source_digest: str
    as_of: int
    rows_read: int
    rows: int
    revisions: int
    not_yet_available: int
    quarantined: Mapping[str, int]
    duplicates: int
    columns: tuple[tuple[str, str], ...]
    left_out: Mapping[str, str]
    first_event: int | None
    last_event: int | None
    last_available: int | None
    digest: str

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {"columns": [list(pair) for pair in self.columns]}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Manifest:
        """The inverse of :meth:`to_row`."""
        columns = tuple((name, kind) for name, kind in row["columns"])
        return cls(**{**row, "columns": columns})


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A snapshot with its rows.

    ``revisions`` has every usable row with int64 columns ``__event_time``, ``__available_at`` and
    ``__superseded_at`` (microseconds; absent when the source has no event time); ``quarantined``
    has rows as they were read, with ``__reason``.
    """

    revisions: pa.Table
    quarantined: pa.Table
    manifest: Manifest

    @property
    def table(self) -> pa.Table:
        """The latest revision of every key, in key order, with the first two time columns."""
        if SUPERSEDED_AT not in self.revisions.column_names:
            return self.revisions
        latest = pc.equal(self.revisions[SUPERSEDED_AT], FOREVER)
        return self.revisions.filter(latest).drop_columns([SUPERSEDED_AT])


def to_parquet(taken: Taken) -> bytes:
    """The usable rows and the manifest as one Parquet file; quarantined rows are not in it."""
    metadata = {_METADATA: canonical_json(taken.manifest.to_row())}
    return table_bytes(taken.revisions.replace_schema_metadata(metadata))


def from_parquet(data: bytes, *, quarantined: bytes | None = None) -> Taken:
    """The inverse of :meth:`to_parquet`. Raises IntegrityError D112 when the rows were changed."""
    revisions = table_from(data)
    row = (revisions.schema.metadata or {}).get(_METADATA)
    if row is None:
        raise _changed("a Parquet file without manifest")
    manifest = Manifest.from_row(json.loads(row))
    revisions = revisions.replace_schema_metadata(None)
    found = table_digest(revisions)
    if found != manifest.digest:
        raise _changed(f"rows with digest {found}", manifest.digest)
    none = pa.table({REASON: pa.array([], pa.string())})
    set_aside = none if quarantined is None else table_from(quarantined)
    return Taken(revisions=revisions, quarantined=set_aside, manifest=manifest)


def table_bytes(table: pa.Table) -> bytes:
    """Any table, such as the quarantined rows, as Parquet."""
    stream = io.BytesIO()
    pq.write_table(table, stream, compression="zstd", store_schema=True)
    return stream.getvalue()


def table_from(data: bytes) -> pa.Table:
    """The inverse of :func:`table_bytes`. Raises IntegrityError D112 when it is no Parquet file."""
    try:
        return pq.ParquetFile(pa.BufferReader(data)).read()
    except (pa.ArrowException, OSError):
        raise _changed("bytes that are no Parquet file") from None


def _changed(got: str, expected: str = "the rows that were written") -> IntegrityError:
    return IntegrityError(
        "D112",
        "a stored snapshot is not what was written",
        expected=expected,
        got=got,
        fix="take the snapshot again, and find out who changed the store",
    )
