"""Scores of a challenger in shadow go with the records that they are of.

A score whose record is not in the service's log any more, nor in an archive of it, is overwritten
with zeros where it lies, as records are: the process that scores may be appending. The folder of a
rollout that has ended goes when no score is left in it.
"""

from __future__ import annotations

import shutil
from array import array
from bisect import bisect_left
from pathlib import Path

import msgspec

from interlock.serve.log.archive import archives
from interlock.serve.log.erasing import drop_torn, overwrite
from interlock.serve.log.logged import PREDICTIONS
from interlock.serve.log.read import read_log
from interlock.serve.log.record import read_record
from interlock.serve.log.segment import Segment, list_segments
from interlock.serve.log.shipping import delete_segment, finished, records
from interlock.serve.shadow.logs import shadow_logs
from interlock.store.atomic import storage, sync_directory

_Place = tuple[str, int, int]


def forget_scores(log: Path, *, running: str | None) -> None:
    """Remove the scores of records that are gone; ``running`` is the salt of a rollout in shadow.

    Needs the log's lock, alone. Raises StoreError L101, L102; IntegrityError S153, S181.
    """
    folders = shadow_logs(log)
    if not folders:
        return
    there = _Places(log)
    for scores in folders:
        for segment in list_segments(scores):
            _forget(segment, there)
        _tidy(scores, ended=scores.name != running)


class _Places:
    """Where the predictions lie that the log and its archives hold: eight bytes for each."""

    def __init__(self, log: Path) -> None:
        self._offsets: dict[tuple[str, int], array[int]] = {}
        for entry in PREDICTIONS.of(read_log(log)):
            self._add(entry.worker, entry.segment, entry.offset)
        for archive in archives(log):
            rows = archive.rows(PREDICTIONS).to_batches(columns=["worker", "segment", "offset"])
            for batch in rows:
                for place in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    self._add(*place)
        self._offsets = {at: array("q", sorted(known)) for at, known in self._offsets.items()}

    def _add(self, worker: str, segment: int, offset: int) -> None:
        self._offsets.setdefault((worker, segment), array("q")).append(offset)

    def __contains__(self, place: _Place | None) -> bool:
        if place is None:
            return False
        worker, segment, offset = place
        known = self._offsets.get((worker, segment), array("q"))
        at = bisect_left(known, offset)
        return at < len(known) and known[at] == offset


def _forget(segment: Segment, there: _Places) -> None:
    gone = [
        (entry.offset, entry.sequence, len(entry.payload))
        for entry in records(segment)
        if _scored(entry.payload) not in there
    ]
    if gone:
        overwrite(segment, gone)


def _scored(payload: bytes) -> _Place | None:
    try:
        return read_record(payload).shadows
    except msgspec.DecodeError:  # of what it is cannot be said: it goes
        return None


def _tidy(scores: Path, *, ended: bool) -> None:
    """Delete what holds no score any more, and torn tails, which may hold anything."""
    for segment in finished(list_segments(scores)):
        if next(records(segment), None) is None:
            delete_segment(segment)
    left = any(next(records(segment), None) for segment in list_segments(scores))
    drop_torn(scores)
    with storage(scores):
        if ended and not left:
            shutil.rmtree(scores)
            sync_directory(scores.parent)
