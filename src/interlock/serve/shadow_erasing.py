"""Scores of a challenger in shadow go with the records that they are of.

A score whose record is not in the service's log any more, nor in an archive of it, is overwritten
with zeros where it lies, as records are: the process that scores may be appending. The folder of a
rollout that has ended goes when no score is left in it.
"""

from __future__ import annotations

import shutil
from collections.abc import Set
from pathlib import Path

import msgspec

from interlock.serve.archive import archives
from interlock.serve.erasing import overwrite
from interlock.serve.log_read import read_log
from interlock.serve.logged import PREDICTIONS
from interlock.serve.record import read_record
from interlock.serve.segment import Segment, list_segments
from interlock.serve.shadow_logs import shadow_logs
from interlock.serve.shipping import delete_segment, finished, records
from interlock.store.atomic import storage, sync_directory

_Place = tuple[str, int, int]


def forget_scores(log: Path, *, running: str | None) -> None:
    """Remove the scores of records that are gone; ``running`` is the salt of a rollout in shadow.

    Needs the log's lock, alone. Raises StoreError L101, L102; IntegrityError S153, S181.
    """
    folders = shadow_logs(log)
    if not folders:
        return
    there = _places(log)
    for scores in folders:
        for segment in list_segments(scores):
            _forget(segment, there)
        _tidy(scores, ended=scores.name != running)


def _places(log: Path) -> Set[_Place]:
    """Where the predictions lie that the log and its archives hold."""
    found = {(e.worker, e.segment, e.offset) for e in PREDICTIONS.of(read_log(log))}
    for archive in archives(log):
        rows = archive.rows(PREDICTIONS).to_table(columns=["worker", "segment", "offset"])
        found.update(zip(*(column.to_pylist() for column in rows.columns), strict=True))
    return found


def _forget(segment: Segment, there: Set[_Place]) -> None:
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
    with storage(scores):
        for torn in scores.glob("*.torn"):
            torn.unlink()
        if ended and not left:
            shutil.rmtree(scores)
            sync_directory(scores.parent)
