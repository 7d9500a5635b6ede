"""The prediction log read on and on: what was logged since some moment, each record once.

Who reads says which records are done already; what was shipped before it was read is read from the
archive. Outcomes and erased records are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from interlock.clock import to_datetime
from interlock.serve.log.archive import archives, entries
from interlock.serve.log.logged import PREDICTIONS
from interlock.serve.log.segment import Record, is_erased, list_segments, read_segment
from interlock.serve.log.shipping import locked
from interlock.serve.log.table import Place

Done = Mapping[tuple[str, int], int]


class Tail:
    """One reader's place in a log."""

    def __init__(self, log: Path, *, since: int, done: Done) -> None:
        """``done`` holds the offset of the last record read of each (worker, segment)."""
        self._log = log
        self._since = since
        self._done = dict(done)
        self._last: dict[tuple[str, int], Record] = {}
        self._seen: set[tuple[str, int]] | None = None

    def new(self) -> Iterator[Record]:
        """The predictions that came since the last call, worker by worker in the order written.

        Raises StoreError, IntegrityError S181 where an archive is not there.
        """
        if not self._log.is_dir():
            return
        segments = list_segments(self._log)
        there = {(segment.worker, segment.number) for segment in segments}
        if self._seen is None or self._seen - there:  # some were shipped, maybe not read to the end
            yield from self._shipped()
        self._seen = there
        for segment in segments:
            place = (segment.worker, segment.number)
            try:
                found = list(read_segment(segment, after=self._last.get(place)))
            except FileNotFoundError:  # shipped meanwhile: the next call finds it
                continue
            for record in found:
                if isinstance(record, Record):
                    self._last[place] = record
                    yield from self._taken(record)

    def _shipped(self) -> Iterator[Record]:
        """What was shipped and not read to its end, a segment at a time: nobody waits meanwhile."""
        for place in self._unread():
            with locked(self._log, alone=False):
                found = [
                    record
                    for archive in archives(self._log)
                    for record in entries(archive, place, tables=(PREDICTIONS,))
                ]
            for record in sorted(found, key=lambda r: r.offset):
                yield from self._taken(record)

    def _unread(self) -> list[Place]:
        """Shipped segments with a recent record behind the last one that was read."""
        found: set[Place] = set()
        recent = pc.field("time") >= to_datetime(self._since)
        columns = ["worker", "segment", "offset"]
        with locked(self._log, alone=False):
            for archive in archives(self._log):
                rows = archive.rows(PREDICTIONS).to_batches(columns=columns, filter=recent)
                for batch in rows:
                    last = pa.Table.from_batches([batch]).group_by(columns[:2])
                    for row in last.aggregate([("offset", "max")]).to_pylist():
                        place = (row["worker"], row["segment"])
                        if row["offset_max"] > self._done.get(place, -1):
                            found.add(Place(worker=place[0], segment=place[1]))
        return sorted(found)

    def _taken(self, record: Record) -> Iterator[Record]:
        place = (record.worker, record.segment)
        if record.offset <= self._done.get(place, -1):
            return
        self._done[place] = record.offset
        if PREDICTIONS.holds(record.payload) and not is_erased(record):
            yield record
