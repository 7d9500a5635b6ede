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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from interlock.digest import digest_bytes
from interlock.errors import IntegrityError
from interlock.serve.log.archive import Archive, archives, entries
from interlock.serve.log.delta_archive import KEEP_HOURS
from interlock.serve.log.logged import TABLES
from interlock.serve.log.read import read_log
from interlock.serve.log.segment import (
    HEADER_SIZE,
    Damage,
    Record,
    Segment,
    is_erased,
    list_segments,
    read_header,
    read_segment,
)
from interlock.serve.log.table import Place, Table, place_of
from interlock.store.atomic import storage, sync_directory

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
        if any(isinstance(found, Damage) for found in read_segment(segment)):
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
    logged = {r.offset: _identity(r) for r in table.of(records(segment))}
    if not logged:
        return 0
    holder = next((archive for archive in known if archive.has(table, place)), None)
    if holder is None:
        target.put(table, place, table.batches(records(segment)))
    _verify(logged, segment, table, holder or target)
    return len(logged) if holder is None else 0  # else a run that died counted them


def records(segment: Segment) -> Iterator[Record]:
    """The segment's readable records, without erased ones."""
    for found in read_segment(segment):
        if isinstance(found, Record) and not is_erased(found):
            yield found


def _identity(record: Record) -> tuple[int, str]:
    return record.sequence, digest_bytes(record.payload)


def _verify(
    logged: dict[int, tuple[int, str]], segment: Segment, table: Table[Any], archive: Archive
) -> None:
    """Raises IntegrityError S184 unless the archive's rows are those that were logged."""
    place = Place(worker=segment.worker, segment=segment.number)
    kept = [(e.offset, _identity(e)) for e in entries(archive, place, tables=(table,))]
    if len(kept) != len(logged) or dict(kept) != logged:
        raise IntegrityError(
            "S184",
            "shipped records are not those that were logged",
            where=f"{segment.path.name} in {archive.directory}, {table.name}",
            expected=f"the segment's {len(logged):,} records, each once",
            got=f"{len(kept):,} rows that are not the same",
            fix="remove that segment's rows from the archive and ship again",
            untouched="the segment",
        )


def delete_segment(segment: Segment) -> None:
    """Delete a finished segment, for good."""
    with storage(segment.path):
        segment.path.unlink()
        sync_directory(segment.path.parent)


def unshipped(
    log: Path, known: list[Archive], *, on_damage: Callable[[Damage], None] | None = None
) -> Iterator[Record]:
    """The log's records that are in no archive. Needs the lock."""
    held: dict[tuple[Table[Any], Place], bool] = {}
    for record in read_log(log, on_damage=on_damage):
        table = next(table for table in TABLES if table.holds(record.payload))
        found = (table, place_of(record))
        if found not in held:
            held[found] = any(archive.has(*found) for archive in known)
        if not held[found]:
            yield record


def read_all(log: Path) -> Iterator[Record]:
    """Every record, shipped or not, each once. Raises IntegrityError S153, S181."""
    if not log.is_dir():
        return
    with locked(log, alone=False):
        known = archives(log)
        for archive in known:
            yield from entries(archive)
        yield from unshipped(log, known)
