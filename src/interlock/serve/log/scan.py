"""Records of segments as a table that is read when it is asked, as far as it is asked.

A :class:`Scan` is a dataset of Arrow's to whoever queries it, DuckDB above all: of the columns that
a query names those are made, and of rows that its filter leaves out no more than the filter needs.
Of each record it keeps size, number and time, 24 bytes; their bytes are read a run at a time, anew
for every query.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from interlock.errors import InterlockError
from interlock.serve.log.packed import PADDING, Packed, Places
from interlock.serve.log.rows import rows_of
from interlock.serve.log.segment import Run
from interlock.serve.log.table import RECORD, Table

_KEPT = frozenset({"worker", "time"})
_ROW = "\0row"
Stretch = tuple[int, int]
"""The first and the last instant, in microseconds, UTC."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A run's records of a table: when they were asked, and the first and the last of that."""

    run: Run
    times: pa.TimestampArray
    stretch: Stretch

    def kept(self, names: Sequence[str]) -> pa.RecordBatch:
        """Columns that need no reading."""
        known = {"worker": pa.repeat(self.run.segment.worker, len(self.times)), "time": self.times}
        return pa.record_batch({name: known[name] for name in names})


def part_of(table: Table[Any], run: Run, packed: Packed) -> Part | None:
    """What a run, whose bytes these are, has of the table. Raises IntegrityError S180."""
    times = rows_of(table, run, packed, ("time",)).column("time")
    if not len(times):
        return None
    instants = times.cast(pa.int64()).to_numpy()
    return Part(run=run, times=times, stretch=(int(instants.min()), int(instants.max())))


class Scan(ds.Dataset):  # type: ignore[misc] # Arrow has no types of its own
    """What runs hold of a table, without the logged bytes.

    The segments must stay as they are meanwhile. ``failure`` is what ended the last reading, where
    something did: between here and the caller a database makes another error of it.
    """

    def __init__(self, table: Table[Any], parts: Sequence[Part] = ()) -> None:
        self.failure: InterlockError | None = None  # and no super: nothing of Arrow's is in it
        self._table = table
        self._parts = tuple(parts)
        self._within: Stretch | None = None
        self._whole = table.schema.remove(table.schema.get_field_index(RECORD))

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(len(part.times) for part in self._parts)

    @contextmanager
    def within(self, stretch: Stretch) -> Iterator[None]:
        """Meanwhile runs without records of these instants are passed over."""
        self._within = stretch
        try:
            yield
        finally:
            self._within = None

    @property
    def schema(self) -> pa.Schema:
        """The columns there are."""
        return self._whole

    def scanner(
        self,
        columns: Sequence[str] | None = None,
        filter: pc.Expression | None = None,
        **_: Any,
    ) -> Scanned:
        """As a dataset's: these columns (default: all) of the rows that the filter holds for."""
        names = tuple(self._whole.names if columns is None else columns)
        schema = pa.schema([self._whole.field(name) for name in names])
        parts = [part for part in self._parts if _meet(part.stretch, self._within)]
        return Scanned(projected_schema=schema, batches=self._batches(parts, names, filter))

    def _batches(
        self, parts: list[Part], names: tuple[str, ...], condition: pc.Expression | None
    ) -> Iterator[pa.RecordBatch]:
        try:
            for part in parts:
                rows = None if condition is None else self._chosen(part, condition)
                if rows is None or len(rows):
                    yield self._columns(part, names, only=rows)
        except InterlockError as error:
            self.failure = error
            raise

    def _chosen(self, part: Part, condition: pc.Expression) -> Places:
        """The rows that the condition holds for."""
        text = str(condition)  # it names all the columns it is about, as they are
        asked = self._columns(part, tuple(name for name in self._whole.names if name in text))
        rows = pa.array(np.arange(len(part.times)))
        found = pa.table([*asked.columns, rows], names=[*asked.schema.names, _ROW])
        chosen: Places = found.filter(condition)[_ROW].to_numpy()
        return chosen

    def _columns(
        self, part: Part, names: tuple[str, ...], *, only: Places | None = None
    ) -> pa.RecordBatch:
        if set(names) <= _KEPT:
            kept = part.kept(names)
            return kept if only is None else kept.take(pa.array(only))
        packed = Packed(part.run.read(more=PADDING), part.run.size)
        return rows_of(self._table, part.run, packed, names, only=only)


def _meet(one: Stretch, other: Stretch | None) -> bool:
    return other is None or (one[0] <= other[1] and other[0] <= one[1])


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """What a dataset's scanner is to DuckDB."""

    projected_schema: pa.Schema
    batches: Iterator[pa.RecordBatch]

    def to_reader(self) -> pa.RecordBatchReader:
        """The rows, once."""
        return pa.RecordBatchReader.from_batches(self.projected_schema, self.batches)
