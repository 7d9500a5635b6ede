"""Reading the prediction log back, while it is written or after.

A reader needs no lock: what is still being written at a segment's end is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from interlock.errors import IntegrityError
from interlock.serve.log.segment import Damage, Record, Run, is_erased, list_segments, read_runs


def read_log(
    directory: Path, *, on_damage: Callable[[Damage], None] | None = None
) -> Iterator[Record]:
    """Every record, worker by worker in the order written; safe beside living writers.

    Erased records are passed over.

    What a writer has only begun to write is passed over. Any other unreadable stretch goes to
    ``on_damage`` and is skipped; without it, IntegrityError is raised there.
    """
    for run, data in read_log_runs(directory, on_damage=on_damage):
        for record in run.records(data):
            if not is_erased(record):
                yield record


def read_log_runs(
    directory: Path, *, on_damage: Callable[[Damage], None] | None = None
) -> Iterator[tuple[Run, bytes]]:
    """The same by runs, erased records among them; beside each the bytes, which begin with it."""
    segments = list_segments(directory)
    last = {segment.worker: segment.number for segment in segments}
    for segment in segments:
        for found in read_runs(segment):
            if not isinstance(found, Damage):
                yield found
            elif not (found.at_end and segment.number == last[segment.worker]):
                (on_damage or _refuse)(found)


def _refuse(damage: Damage) -> None:
    raise IntegrityError(
        "S153",
        "the prediction log is damaged",
        where=f"{damage.path}, byte {damage.offset}",
        expected="records whose checksums hold",
        got=f"{damage.size} unreadable bytes",
        fix="restore the file from a copy, or read on without that stretch",
        untouched="all other records",
    )
