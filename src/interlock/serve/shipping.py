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

from interlock.digest import digest_bytes
from interlock.errors import IntegrityError
from interlock.serve.archive import Archive, archives, entries
from interlock.serve.log_read import read_log
from interlock.serve.logged import Place, batches
from interlock.serve.segment import (
    HEADER_SIZE,
    Damage,
    Record,
    Segment,
    is_erased,
    list_segments,
    read_header,
    read_segment,
)
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
        archive.sweep()
    done = finished(list_segments(log))
    shipped = rows = 0
    damaged = []
    for segment in done:
        place = Place(worker=segment.worker, segment=segment.number)
        if any(isinstance(found, Damage) for found in read_segment(segment)):
            damaged.append(segment.path.name)
            continue
        holder = next((a for a in known if a.has(place)), None)
        if holder is None:
            target.put(place, batches(records(segment)))
        verified = _verify(segment, place, holder or target)
        if holder is None:  # else a run that died counted them
            shipped, rows = shipped + 1, rows + verified
        delete_segment(segment)
    left = sum(s.path.stat().st_size for s in list_segments(log))
    return Shipped(
        segments=shipped,
        rows=rows,
        deleted=len(done) - len(damaged),
        damaged=tuple(damaged),
        open_bytes=left,
    )


def records(segment: Segment) -> Iterator[Record]:
    """The segment's readable records, without erased ones."""
    for found in read_segment(segment):
        if isinstance(found, Record) and not is_erased(found):
            yield found


def _verify(segment: Segment, place: Place, archive: Archive) -> int:
    """How many rows there are, the same in both. Raises IntegrityError S184."""
    logged = {r.offset: (r.sequence, digest_bytes(r.payload)) for r in records(segment)}
    kept = [(e.offset, (e.sequence, digest_bytes(e.payload))) for e in entries(archive, place)]
    if len(kept) != len(logged) or dict(kept) != logged:
        raise IntegrityError(
            "S184",
            "shipped predictions are not those that were logged",
            where=f"{segment.path.name} in {archive.directory}",
            expected=f"the segment's {len(logged):,} records, each once",
            got=f"{len(kept):,} rows that are not the same",
            fix="remove that segment's rows from the archive and ship again",
            untouched="the segment",
        )
    return len(logged)


def delete_segment(segment: Segment) -> None:
    """Delete a finished segment, for good."""
    with storage(segment.path):
        segment.path.unlink()
        sync_directory(segment.path.parent)


def unshipped(
    log: Path, known: list[Archive], *, on_damage: Callable[[Damage], None] | None = None
) -> Iterator[Record]:
    """The log's records that are in no archive. Needs the lock."""
    held: dict[Place, bool] = {}
    for record in read_log(log, on_damage=on_damage):
        place = Place(worker=record.worker, segment=record.segment)
        if place not in held:
            held[place] = any(archive.has(place) for archive in known)
        if not held[place]:
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
