"""Erasing records of the prediction log, shipped or not, for good.

Rules:

- what is to go is written down first (``erasing.json``: places, never a key), so that an erasure
  that dies is finished by the next one; doing it twice is doing it once;
- in a segment a record's payload is overwritten with zeros where it lies: its worker may still be
  appending, and no other record's place changes;
- an archive is rewritten without the rows, and what held them before is deleted;
- torn tails kept aside may hold anything and were never answered: they go as well.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from interlock.serve.archive import Archive, archives, entries
from interlock.serve.log_read import read_log
from interlock.serve.logged import Place, entity_texts, record_of
from interlock.serve.record import Record
from interlock.serve.segment import (
    HEADER_SIZE,
    Damage,
    Segment,
    erased,
    list_segments,
    read_header,
    read_segment,
)
from interlock.serve.shipping import delete_segment, finished, records
from interlock.store.atomic import storage, sync_directory, write_file

_JOURNAL = "erasing.json"


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """One act: its id, what it is told as, and the rows (worker, segment, offset, sequence, size).

    ``size`` is of the payload, in bytes.
    """

    id: str
    kind: str
    facts: Mapping[str, Any]
    rows: tuple[tuple[str, int, int, int, int], ...]

    def places(self) -> dict[Place, set[int]]:
        """The offsets by segment."""
        found: dict[Place, set[int]] = defaultdict(set)
        for worker, segment, offset, _, _ in self.rows:
            found[Place(worker=worker, segment=segment)].add(offset)
        return found


def is_of(record: Record, key: tuple[str, ...]) -> bool:
    """Whether a record is about the unit of that key.

    A refused request has no unit; it counts as the unit's when its body names every part.

    >>> refused = Record(id="a", time=1, product="p", status=422, request=b'{"house": 17, "x": 1e9')
    >>> is_of(refused, ("17",)), is_of(refused, ("1",))
    (True, False)
    """
    if record.status == 200:
        return tuple(entity_texts(record)) == key
    body = record.request.decode("utf-8", "replace") + record.message
    return all(re.search(rf"(?<!\w){re.escape(part)}(?!\w)", body) for part in key)


def begin(log: Path, wanted: Callable[[Record], bool], kind: str, facts: dict[str, Any]) -> Erasure:
    """Write down what is to go. Needs the lock, alone, and :func:`pending` to be None."""
    found = {
        (e.worker, e.segment, e.offset, e.sequence, len(e.payload))
        for source in (read_log(log), *(entries(a) for a in archives(log)))
        for e in source
        if wanted(record_of(e))
    }
    act = Erasure(id=secrets.token_hex(16), kind=kind, facts=facts, rows=tuple(sorted(found)))
    write_file(log / _JOURNAL, json.dumps(asdict(act)).encode(), mode=0o600)
    return act


def pending(log: Path) -> Erasure | None:
    """The erasure that was begun and not ended."""
    path = log / _JOURNAL
    if not path.is_file():
        return None
    row = json.loads(path.read_bytes())
    return Erasure(**{**row, "rows": tuple(tuple(r) for r in row["rows"])})


def apply(log: Path, act: Erasure) -> None:
    """Remove the rows wherever they are. Raises StoreError L101, L102."""
    places = act.places()
    for segment in list_segments(log):
        place = Place(worker=segment.worker, segment=segment.number)
        if place in places:
            rows = [r for r in act.rows if r[:2] == (place.worker, place.segment)]
            _overwrite(segment, [r[2:] for r in rows])
    known: list[Archive] = archives(log)
    for archive in known:
        archive.sweep()
        if places:
            archive.drop(places)
    with storage(log):
        for torn in log.glob("*.torn"):
            torn.unlink()
        sync_directory(log)


def end(log: Path) -> None:
    """Forget the act; segments that hold nothing any more are deleted."""
    for segment in finished(list_segments(log)):
        damaged = any(isinstance(found, Damage) for found in read_segment(segment))
        if not damaged and next(records(segment), None) is None:
            delete_segment(segment)
    with storage(log):
        (log / _JOURNAL).unlink(missing_ok=True)
        sync_directory(log)


def _overwrite(segment: Segment, rows: list[tuple[int, ...]]) -> None:
    with storage(segment.path), segment.path.open("r+b", buffering=0) as stream:
        head = read_header(stream.read(HEADER_SIZE))
        if head is None:  # nothing in it can be read, and nothing was found in it
            return
        for offset, sequence, size in rows:
            os.pwrite(stream.fileno(), erased(size, sequence=sequence, salt=head[1]), offset)
        os.fsync(stream.fileno())
