"""Snapshots: a frozen, content-addressed copy of the rows a delivery used.

Rules:
- Only rows known by ``as_of`` are in it: ``available_at`` ≤ ``as_of``. The others are counted.
- A row that breaks a rule is quarantined with the first reason found, never dropped in silence:
  rows read = rows + quarantined + not yet available.
- The key identifies a row. Exact copies count once, the spare ones are quarantined as copies. Rows
  that share a key and differ are all quarantined: which of them is right is not ours to guess.
- With an ``available_at`` column a key may have several revisions. The latest one is the row; the
  earlier ones count for what was known before, and end when the next one, usable or not, came.
- Rows are in the order of key and availability; the digest is of these rows, never of file bytes.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from interlock.data.conform import conform
from interlock.data.inspection import source_mistakes, time_mistakes
from interlock.data.instants import UNREADABLE, Instants, instants_of
from interlock.data.logical import canonical, table_digest
from interlock.data.read import digest_of, read
from interlock.data.reasons import Reasons
from interlock.data.revisions import (
    FOREVER,
    UNIQUE,
    Order,
    judge_duplicates,
    ordered,
    shared_values,
    superseded,
)
from interlock.data.rule import MISSING
from interlock.data.source import Source
from interlock.digest import canonical_json
from interlock.errors import AuthorError, IntegrityError

EVENT_TIME = "__event_time"
AVAILABLE_AT = "__available_at"
SUPERSEDED_AT = "__superseded_at"
REASON = "__reason"

BEYOND_INT64 = "must be below 2^63; a text can hold more"
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


def take(source: Source, *, as_of: int, project_dir: Path, zone: str | None = None) -> Taken:
    """The source's rows known by ``as_of`` (microseconds).

    ``zone`` is for dates where the source declares none. Raises AuthorError D101 to D110 when the
    source as a whole cannot be used, and C105 for dates without a zone.
    """
    raw = read(source, project_dir=project_dir)
    zone = source.zone or zone
    if mistakes := source_mistakes(source, raw, zone=zone):
        raise AuthorError.of(mistakes)
    n_rows = raw.table.num_rows
    reasons = Reasons(n_rows)
    times = _times(source, raw.table, zone, reasons)
    known = np.ones(n_rows, dtype=np.bool_)
    if times is not None:
        known = ~times.available.known | (times.available.values <= as_of)
    rows, left_out = canonical(raw.table)
    for key in source.keys:
        absent = pc.is_null(rows[key]).to_numpy()
        if pa.types.is_uint64(raw.table[key].type):  # beyond int64 no number identifies a row
            reasons.add(absent & pc.is_valid(raw.table[key]).to_numpy(), f"{key}: {BEYOND_INT64}")
        reasons.add(absent, f"{key}: {MISSING}")
    order = ordered(
        rows,
        source.keys,
        available=None if times is None else times.available.values,
        revised=source.available_at is not None,
        among=known & reasons.free(),
    )
    duplicates = judge_duplicates(raw.table, order, keys=source.keys, reasons=reasons)
    rows = _held_to_constraints(source, raw.table, rows, reasons)
    for name, column in source.columns.items():
        if column.unique:
            shared = shared_values(rows[name].combine_chunks(), order, reasons.free())
            reasons.add(shared, f"{name}: {UNIQUE}")
    if source.checks is not None:
        asked = np.flatnonzero(known & reasons.free())
        for failed, reason in source.checks.failures(rows.take(asked), where=source.where):
            reasons.add(asked[failed], reason)
    if times is not None:
        rows = _with_times(rows, times, order)
    revisions = rows.take(pa.array(order.rows[reasons.free(order.rows)])).combine_chunks()
    rejected = np.flatnonzero(known & ~reasons.free())
    quarantined = raw.table.take(pa.array(rejected)).append_column(
        REASON, pa.array(reasons.of(rejected), pa.string())
    )
    manifest = _manifest(
        source,
        digest_of(source, raw, project_dir=project_dir),
        as_of=as_of,
        counts={
            "rows_read": n_rows,
            "not_yet_available": int((~known).sum()),
            "duplicates": duplicates,
        },
        left_out=left_out,
        revisions=revisions,
        quarantined=Counter(reasons.of(rejected)),
    )
    return Taken(revisions=revisions, quarantined=quarantined, manifest=manifest)


def latest_availability(
    source: Source, *, project_dir: Path, zone: str | None = None
) -> int | None:
    """When the source's newest row became known (microseconds), from its time column alone.

    None for a source without event time, or without any time that can be read.
    """
    column = source.available_at or source.event_time
    if column is None:
        return None
    table = read(source, project_dir=project_dir, columns=[column]).table
    zone = source.zone or zone
    if mistakes := time_mistakes(source, table, (column,), zone=zone):
        raise AuthorError.of(mistakes)
    times = instants_of(table[column], zone=zone)
    if not times.known.any():
        return None
    delay = 0 if source.available_at else source.delay
    return int(times.values[times.known].max()) + delay


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
        return pq.ParquetFile(io.BytesIO(data)).read()
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


@dataclass(frozen=True, kw_only=True)
class _Times:
    event: Instants
    available: Instants


def _times(source: Source, table: pa.Table, zone: str | None, reasons: Reasons) -> _Times | None:
    """Both times of every row; rows without one get their reason."""
    if source.event_time is None:
        return None
    event = instants_of(table[source.event_time], zone=zone)
    _note(reasons, source.event_time, event)
    if source.available_at is None:
        available = replace(event, values=event.values + source.delay)
        return _Times(event=event, available=available)
    available = instants_of(table[source.available_at], zone=zone)
    _note(reasons, source.available_at, available)
    return _Times(event=event, available=available)


def _note(reasons: Reasons, column: str, times: Instants) -> None:
    reasons.add(times.missing, f"{column}: {MISSING}")
    reasons.add(times.unreadable, f"{column}: {UNREADABLE}")


def _held_to_constraints(
    source: Source, raw: pa.Table, rows: pa.Table, reasons: Reasons
) -> pa.Table:
    """The rows with declared columns in their kind's type; rows against a rule get reasons."""
    for name, column in source.columns.items():
        found = conform(raw[name], column.rule)
        for fault in found.faults:
            reasons.add(fault.rows, f"{name}: {fault.phrase}")
        rows = rows.set_column(rows.column_names.index(name), name, found.values)
    return rows


def _with_times(rows: pa.Table, times: _Times, order: Order) -> pa.Table:
    """The rows with the three time columns; only rows in ``order`` have a true third one."""
    ends = np.full(rows.num_rows, FOREVER, dtype=np.int64)
    ends[order.rows] = superseded(order, times.available.values)
    for name, values in (
        (EVENT_TIME, times.event.values),
        (AVAILABLE_AT, times.available.values),
        (SUPERSEDED_AT, ends),
    ):
        rows = rows.append_column(name, pa.array(values))
    return rows


def _manifest(
    source: Source,
    digest: str,
    *,
    as_of: int,
    counts: Mapping[str, int],
    left_out: Mapping[str, str],
    revisions: pa.Table,
    quarantined: Mapping[str, int],
) -> Manifest:
    timed = source.event_time is not None and revisions.num_rows > 0
    latest = revisions.num_rows
    if timed:
        latest = pc.sum(pc.equal(revisions[SUPERSEDED_AT], FOREVER)).as_py()
    return Manifest(
        source=source.name,
        source_digest=digest,
        as_of=as_of,
        **counts,
        rows=latest,
        revisions=revisions.num_rows,
        quarantined=dict(sorted(quarantined.items())),
        columns=tuple((field.name, str(field.type)) for field in revisions.schema),
        left_out=dict(left_out),
        first_event=pc.min(revisions[EVENT_TIME]).as_py() if timed else None,
        last_event=pc.max(revisions[EVENT_TIME]).as_py() if timed else None,
        last_available=pc.max(revisions[AVAILABLE_AT]).as_py() if timed else None,
        digest=table_digest(revisions),
    )
