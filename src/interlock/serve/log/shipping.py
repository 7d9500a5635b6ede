"""Shipping: finished segments of the prediction log go to an archive, then are deleted.

Rules:

- a segment is finished when its worker has begun the next one: nobody writes to it any more. So the
  newest one stays, and with it the numbers that may not be used twice;
- a segment is deleted only after its rows were read back from the archive and are, byte for byte,
  those of the segment;
- whatever dies in between is made good by the next run: a segment that is in an archive and in the
  log is read from the archive, and put there once;
- one process at a time ships or erases; readers share the lock.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa

from interlock.errors import IntegrityError
from interlock.serve.log.archive import Archive, archives, batches, entries
from interlock.serve.log.delta_archive import KEEP_HOURS
from interlock.serve.log.logged import TABLES
from interlock.serve.log.merging import PROVEN, Fingerprint
from interlock.serve.log.packed import Packed
from interlock.serve.log.read import read_log, read_log_runs
from interlock.serve.log.rows import rows_of
from interlock.serve.log.scan import Part, Scan, part_of
from interlock.serve.log.segment import (
    HEADER_SIZE,
    Damage,
    Record,
    Segment,
    is_erased,
    list_segments,
    read_header,
    read_runs,
    read_segment,
)
from interlock.serve.log.table import Place, Table, place_of
from interlock.store.atomic import storage, sync_directory
from interlock.wording import counted

_LOCK = "shipping.lock"


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """What one run did.

    ``damaged`` names segments that stay, since bytes in them are unreadable; ``open_bytes`` counts
    what lies in segments now: those, and the newest of each worker.
    """

    segments: int
    rows: int
    deleted: int
    damaged: tuple[str, ...]
    open_bytes: int


@contextmanager
def locked(log: Path, *, alone: bool) -> Iterator[None]:
    """Hold the log still: ``alone`` to ship or erase, else to read beside other readers."""
    with storage(log):
        descriptor = os.open(log / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def finished(segments: list[Segment]) -> list[Segment]:
    """Those that nobody writes any more; the one that follows must have a whole beginning."""
    return [
        segment
        for segment, after in pairwise(segments)
        if segment.worker == after.worker and _has_beginning(after)
    ]


def _has_beginning(segment: Segment) -> bool:
    with segment.path.open("rb") as stream:
        return read_header(stream.read(HEADER_SIZE)) is not None


def ship(log: Path, target: Archive) -> Shipped:
    """Ship every finished segment to the target and delete it. Needs the lock, alone.

    Raises StoreError L101, L102; IntegrityError S184 when what was read back is not what was
    logged, S180 for a record that cannot be read: that segment then stays.
    """
    known = archives(log)
    for archive in known:
        archive.sweep(keep_hours=KEEP_HOURS)
    done = finished(list_segments(log))
    shipped = rows = 0
    damaged = []
    for segment in done:
        if any(isinstance(found, Damage) for found in read_runs(segment)):
            damaged.append(segment.path.name)
            continue
        fresh = sum(_put(segment, table, known, target) for table in TABLES)
        if fresh:
            shipped, rows = shipped + 1, rows + fresh
        delete_segment(segment)
    left = sum(s.path.stat().st_size for s in list_segments(log))
    return Shipped(
        segments=shipped,
        rows=rows,
        deleted=len(done) - len(damaged),
        damaged=tuple(damaged),
        open_bytes=left,
    )


def _put(segment: Segment, table: Table[Any], known: list[Archive], target: Archive) -> int:
    """Put what the table holds of a segment, unless it is in an archive; how many rows came new.

    What is there is read back in either case. Raises IntegrityError S180, S184.
    """
    place = Place(worker=segment.worker, segment=segment.number)
    logged = Fingerprint.of(_rows(segment, table, PROVEN))
    if not logged.rows:
        return 0
    holder = next((archive for archive in known if archive.has(table, place)), None)
    if holder is None:
        target.put(table, place, _rows(segment, table))
    _verify(logged, segment, table, holder or target)
    return logged.rows if holder is None else 0  # else a run that died counted them


def _rows(
    segment: Segment, table: Table[Any], names: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """The segment's readable records of the table, without erased ones."""
    for found in read_runs(segment):
        if not isinstance(found, Damage):
            run, data = found
            batch = rows_of(table, run, Packed(data, run.size), names)
            if batch.num_rows:
                yield batch


def records(segment: Segment) -> Iterator[Record]:
    """The segment's readable records, without erased ones."""
    for found in read_segment(segment):
        if isinstance(found, Record) and not is_erased(found):
            yield found


def _verify(logged: Fingerprint, segment: Segment, table: Table[Any], archive: Archive) -> None:
    """Raises IntegrityError S184 unless the archive's rows are those that were logged."""
    place = Place(worker=segment.worker, segment=segment.number)
    kept = Fingerprint.of(batches(archive.rows(table, place), place))
    if kept != logged:
        raise IntegrityError(
            "S184",
            "shipped records are not those that were logged",
            where=f"{segment.path.name} in {archive.directory}, {table.name}",
            expected=f"the segment's {counted(logged.rows, 'record')}, each once",
            got=f"{counted(kept.rows, 'row')}, not the same",
            fix="remove that segment's rows from the archive and ship again",
            untouched="the segment",
        )


def delete_segment(segment: Segment) -> None:
    """Delete a finished segment, for good."""
    with storage(segment.path):
        segment.path.unlink()
        sync_directory(segment.path.parent)


class _Held:
    """Whether what a table has of a segment is in an archive; asked once each."""

    def __init__(self, known: list[Archive]) -> None:
        self._known = known
        self._answers: dict[tuple[Table[Any], Place], bool] = {}

    def __call__(self, table: Table[Any], place: Place) -> bool:
        asked = (table, place)
        if asked not in self._answers:
            self._answers[asked] = any(archive.has(*asked) for archive in self._known)
        return self._answers[asked]


def unshipped(
    log: Path, known: list[Archive], *, on_damage: Callable[[Damage], None] | None = None
) -> Iterator[Record]:
    """The log's records that are in no archive. Needs the lock."""
    held = _Held(known)
    for record in read_log(log, on_damage=on_damage):
        table = next(table for table in TABLES if table.holds(record.payload))
        if not held(table, place_of(record)):
            yield record


def scans(
    log: Path, known: list[Archive], *, on_damage: Callable[[Damage], None] | None = None
) -> dict[Table[Any], Scan]:
    """The log's records that are in no archive, by table, to be read while the lock is held.

    Raises IntegrityError S180.
    """
    held = _Held(known)
    parts: dict[Table[Any], list[Part]] = {table: [] for table in TABLES}
    for run, data in read_log_runs(log, on_damage=on_damage):
        place = Place(worker=run.segment.worker, segment=run.segment.number)
        packed = Packed(data, run.size)
        for table, some in parts.items():
            part = part_of(table, run, packed)
            if part is not None and not held(table, place):
                some.append(part)
    return {table: Scan(table, some) for table, some in parts.items()}


def read_all(log: Path) -> Iterator[Record]:
    """Every record, shipped or not, each once. Raises IntegrityError S153, S181."""
    if not log.is_dir():
        return
    with locked(log, alone=False):
        known = archives(log)
        for archive in known:
            yield from entries(archive)
        yield from unshipped(log, known)
