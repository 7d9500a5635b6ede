"""Taking a snapshot: which of a source's rows are in it, and why others are not.

Rules:
- Only rows known by ``as_of`` are in it: ``available_at`` ≤ ``as_of``. The others are counted.
- A row that breaks a rule is quarantined with the first reason found, never dropped in silence:
  rows read = rows + quarantined + not yet available.
- The key identifies a row. Exact copies count once, the spare ones are quarantined as copies. Rows
  that share a key and differ are all quarantined: which of them is right is not ours to guess.
- With an ``available_at`` column a key may have several revisions. The latest one is the row; the
  earlier ones count for what was known before, and end when the next one, usable or not, came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from interlock.data.conform import conform
from interlock.data.inspection import source_mistakes, time_mistakes
from interlock.data.instants import UNREADABLE, Instants, instants_of
from interlock.data.logical import canonical, table_digest
from interlock.data.read import Seen, digest_of, read
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
from interlock.data.snapshot import (
    AVAILABLE_AT,
    EVENT_TIME,
    REASON,
    SUPERSEDED_AT,
    Manifest,
    Taken,
)
from interlock.data.source import Source
from interlock.errors import AuthorError

_BEYOND_INT64 = "must be below 2^63; a text can hold more"


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
    known = _known(times, as_of, n_rows)
    rows, left_out = canonical(raw.table)
    _hold_to_keys(source, raw.table, rows, reasons)
    order = ordered(
        rows,
        source.keys,
        available=None if times is None else times.available.values,
        revised=source.available_at is not None,
        among=known & reasons.free(),
    )
    duplicates = judge_duplicates(raw.table, order, keys=source.keys, reasons=reasons)
    rows = _held_to_constraints(source, raw.table, rows, reasons)
    _hold_to_uniqueness(source, rows, order, reasons)
    _hold_to_checks(source, rows, known, reasons)
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


def _known(times: _Times | None, as_of: int, n_rows: int) -> NDArray[np.bool_]:
    """Which rows were known by then, (n_rows,); those whose time cannot be read are among them."""
    if times is None:
        return np.ones(n_rows, dtype=np.bool_)
    known: NDArray[np.bool_] = ~times.available.known | (times.available.values <= as_of)
    return known


def _hold_to_keys(source: Source, raw: pa.Table, rows: pa.Table, reasons: Reasons) -> None:
    """Rows that no key identifies have their reason."""
    for key in source.keys:
        absent = pc.is_null(rows[key]).to_numpy()
        if pa.types.is_uint64(raw[key].type):  # beyond int64 no number identifies a row
            reasons.add(absent & pc.is_valid(raw[key]).to_numpy(), f"{key}: {_BEYOND_INT64}")
        reasons.add(absent, f"{key}: {MISSING}")


def _hold_to_uniqueness(source: Source, rows: pa.Table, order: Order, reasons: Reasons) -> None:
    """Rows that share a value of a column that is declared unique have their reason."""
    for name, column in source.columns.items():
        if column.unique:
            shared = shared_values(rows[name].combine_chunks(), order, reasons.free())
            reasons.add(shared, f"{name}: {UNIQUE}")


def _hold_to_checks(
    source: Source, rows: pa.Table, known: NDArray[np.bool_], reasons: Reasons
) -> None:
    """Rows that fail a declared check of whole rows have its reason."""
    if source.checks is not None:
        asked = np.flatnonzero(known & reasons.free())
        for failed, reason in source.checks.failures(rows.take(asked), where=source.where):
            reasons.add(asked[failed], reason)


def latest_availability(
    source: Source, *, project_dir: Path, zone: str | None = None, seen: Seen | None = None
) -> int | None:
    """When the source's newest row became known (microseconds), from its time column alone.

    None for a source without event time, or without any time that can be read.
    """
    column = source.available_at or source.event_time
    if column is None:
        return None
    known = seen.raw if seen is not None else None
    if known is None or column not in known.table.column_names:
        known = read(source, project_dir=project_dir, columns=[column])
    table = known.table
    zone = source.zone or zone
    if mistakes := time_mistakes(source, table, (column,), zone=zone):
        raise AuthorError.of(mistakes)
    times = instants_of(table[column], zone=zone)
    if not times.known.any():
        return None
    delay = 0 if source.available_at else source.delay
    return int(times.values[times.known].max()) + delay


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
