"""A table of what is shipped and queried: which records of the log it holds, and as what rows.

In every table ``worker``, ``segment`` and ``offset`` identify a row for ever, and ``record`` holds
the record's own bytes, so that shipping loses nothing; the other columns are made of it. Instants
are UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import msgspec
import pyarrow as pa

from interlock.errors import IntegrityError
from interlock.serve.log.columns import Column
from interlock.serve.log.segment import Record as Entry

Told = TypeVar("Told")
BATCH_ROWS = 4_096
RECORD = "record"
INSTANT = pa.timestamp("us", tz="UTC")
PLACED = (
    ("worker", pa.string()),
    ("segment", pa.int64()),
    ("offset", pa.int64()),
    ("sequence", pa.int64()),
)


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

    Payloads with the ``mark`` are of this kind where it is ``marked``, else those without. ``read``
    says what one tells (raising msgspec.DecodeError), ``row`` the values of ``facts``, whose names
    and types these are; ``columns`` make the same of many payloads at once. What has no column of
    its own is the same in records that look alike.
    """

    name: str
    facts: tuple[tuple[str, pa.DataType], ...]
    mark: bytes
    marked: bool
    read: Callable[[bytes], Told]
    row: Callable[[Told], dict[str, Any]]
    columns: Mapping[str, Column]

    def holds(self, payload: bytes) -> bool:
        """Whether a payload is of this kind."""
        return payload.startswith(self.mark) == self.marked

    @cached_property
    def fields(self) -> frozenset[str]:
        """The record's fields that columns are made of."""
        return frozenset(str(column.path[0]) for column in self.columns.values())

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns of what is shipped."""
        return pa.schema([*PLACED, *self.facts, (RECORD, pa.binary())])

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
