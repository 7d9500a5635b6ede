"""A table of what is shipped and queried: which records of the log it holds, and as what rows.

In every table ``worker``, ``segment`` and ``offset`` identify a row for ever, and ``record`` holds
the record's own bytes, so that shipping loses nothing; the other columns are made of it. Instants
are UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

import msgspec
import pyarrow as pa

from interlock.errors import IntegrityError
from interlock.serve.log.segment import Record as Entry

Told = TypeVar("Told")
BATCH_ROWS = 4_096
RECORD = "record"
INSTANT = pa.timestamp("us", tz="UTC")
_PLACED = [
    ("worker", pa.string()),
    ("segment", pa.int64()),
    ("offset", pa.int64()),
    ("sequence", pa.int64()),
]


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """Where a record was logged; with an offset in it, the record's identity."""

    worker: str
    segment: int


def place_of(entry: Entry) -> Place:
    """The segment that holds it."""
    return Place(worker=entry.worker, segment=entry.segment)


@dataclass(frozen=True, kw_only=True, eq=False)
class Table(Generic[Told]):
    """One kind of record as rows.

    ``holds`` says of a payload whether it is of this kind, ``read`` what it tells (raising
    msgspec.DecodeError), ``row`` the values of ``facts``, whose names and types these are.
    """

    name: str
    facts: tuple[tuple[str, pa.DataType], ...]
    holds: Callable[[bytes], bool]
    read: Callable[[bytes], Told]
    row: Callable[[Told], dict[str, Any]]

    @property
    def schema(self) -> pa.Schema:
        """The columns of what is shipped."""
        return pa.schema([*_PLACED, *self.facts, (RECORD, pa.binary())])

    def told(self, entry: Entry) -> Told:
        """What a record tells. Raises IntegrityError S180."""
        try:
            return self.read(entry.payload)
        except msgspec.DecodeError as error:
            raise IntegrityError(
                "S180",
                "a logged record cannot be read",
                where=f"{entry.worker}-{entry.segment:08d}.log, byte {entry.offset}",
                expected="a record as the service writes it",
                got=str(error),
                fix="read the log with the version of Interlock that wrote it",
                untouched="the log",
            ) from None

    def of(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Those of the entries that are this table's."""
        return (entry for entry in entries if self.holds(entry.payload))

    def batches(self, entries: Iterable[Entry]) -> Iterator[pa.RecordBatch]:
        """The table's entries as rows, some thousand at a time. Raises IntegrityError S180."""
        rest, schema = self.of(entries), self.schema
        while rows := [self._row(entry) for entry in islice(rest, BATCH_ROWS)]:
            yield pa.RecordBatch.from_pylist(rows, schema=schema)

    def _row(self, entry: Entry) -> dict[str, Any]:
        return {
            "worker": entry.worker,
            "segment": entry.segment,
            "offset": entry.offset,
            "sequence": entry.sequence,
            **self.row(self.told(entry)),
            RECORD: entry.payload,
        }


def in_tables(entries: Iterable[Entry], tables: Iterable[Table[Any]]) -> dict[Table[Any], pa.Table]:
    """The entries as rows of their tables, without the logged bytes. Raises IntegrityError S180."""
    found: dict[Table[Any], list[pa.RecordBatch]] = {table: [] for table in tables}
    rest = iter(entries)
    while some := list(islice(rest, BATCH_ROWS)):
        for table, batches in found.items():
            batches += (batch.drop_columns([RECORD]) for batch in table.batches(some))
    empty = {table: table.schema.empty_table().drop_columns([RECORD]) for table in found}
    return {t: pa.Table.from_batches(b, schema=empty[t].schema) for t, b in found.items()}
