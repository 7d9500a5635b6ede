"""Whether records that were read are still in the log: an erasure may have come in between."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from interlock.serve.log.archive import archives, entries
from interlock.serve.log.logged import PREDICTIONS
from interlock.serve.log.segment import Record, is_there, segment_path
from interlock.serve.log.table import Place, place_of


def still_there(log: Path, read: Sequence[Record]) -> list[bool]:
    """Of each prediction, whether the log or an archive has it. Needs the lock.

    Raises IntegrityError S181.
    """
    shipped: dict[Place, set[int]] = {}
    found = []
    for record in read:
        try:
            found.append(is_there(segment_path(log, record.worker, record.segment), record))
        except FileNotFoundError:
            place = place_of(record)
            if place not in shipped:
                shipped[place] = _shipped(log, place)
            found.append(record.offset in shipped[place])
    return found


def _shipped(log: Path, place: Place) -> set[int]:
    """The offsets of the predictions of a segment that archives have."""
    return {
        entry.offset
        for archive in archives(log)
        for entry in entries(archive, place, tables=(PREDICTIONS,))
    }
