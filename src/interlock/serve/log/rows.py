"""A run's records as rows of a table, made many at a time.

Records that look alike (:mod:`interlock.serve.log.shape`) become columns together; whatever looks
like few others, or holds what only one of its own can say, is read by itself. Invariant: the rows
are those that :meth:`Table.row` tells of each record, in the order logged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from interlock.serve.log.packed import Packed, Places, Unlike, merged
from interlock.serve.log.segment import RECORD_HEAD, Run, is_zero
from interlock.serve.log.segment import Record as Entry
from interlock.serve.log.shape import Alike, Order, Path, learn, together
from interlock.serve.log.table import RECORD, Table

_FEW = 32  # records that are read one at a time without looking for others like them
_MOST_SHAPES = 16  # of one run; what is left is read one at a time


def rows_of(
    table: Table[Any],
    run: Run,
    packed: Packed,
    names: Sequence[str] | None = None,
    *,
    only: Places | None = None,
) -> pa.RecordBatch:
    """What the run has of a table, in its order, without erased records.

    ``packed`` are the run's bytes. ``names`` are the columns (default: all); ``only`` chooses
    from the rows that there are without it. Raises IntegrityError S180 for what is read.
    """
    sizes = np.frombuffer(run.sizes, np.int64)
    stops = np.cumsum(sizes + RECORD_HEAD)
    starts = stops - sizes
    (rows,) = np.nonzero(_held(table, packed, starts, stops))
    if only is not None:
        rows = rows[only]
    entries = _Entries(
        table=table,
        run=run,
        packed=packed,
        starts=starts[rows],
        stops=stops[rows],
        sequences=np.frombuffer(run.sequences, np.int64)[rows],
    )
    return _as_rows(entries, tuple(table.schema.names if names is None else names))


def _held(table: Table[Any], packed: Packed, starts: Places, stops: Places) -> NDArray[np.bool_]:
    """Which records are the table's and not erased."""
    marked = packed.same(starts, table.mark) & (starts + len(table.mark) <= stops)
    held: NDArray[np.bool_] = marked == table.marked
    for row in np.nonzero((packed.firsts(starts) == 0) & held)[0].tolist():
        held[row] = not is_zero(packed.data[starts[row] : stops[row]])
    return held


@dataclass(frozen=True, kw_only=True)
class _Entries:
    """Records of a run, which lie between ``starts`` and ``stops`` of its bytes."""

    table: Table[Any]
    run: Run
    packed: Packed
    starts: Places
    stops: Places
    sequences: Places

    def entry(self, row: int) -> Entry:
        start = int(self.starts[row])
        return Entry(
            worker=self.run.segment.worker,
            segment=self.run.segment.number,
            offset=self.run.offset + start - RECORD_HEAD,
            sequence=int(self.sequences[row]),
            payload=self.packed.data[start : self.stops[row]],
        )

    def facts(self, row: int) -> dict[str, Any]:
        """What a record tells, read by itself. Raises IntegrityError S180."""
        return self.table.row(self.table.told(self.entry(row)))


_OWN: dict[str, Callable[[_Entries, Places], pa.Array]] = {
    "worker": lambda some, rows: pa.repeat(some.run.segment.worker, len(rows)),
    "segment": lambda some, rows: pa.repeat(some.run.segment.number, len(rows)),
    "offset": lambda some, rows: pa.array(some.starts[rows] + (some.run.offset - RECORD_HEAD)),
    "sequence": lambda some, rows: pa.array(some.sequences[rows]),
    RECORD: lambda some, rows: some.packed.cut(some.starts[rows], some.stops[rows]),
}
"""Columns of where a record was logged, and of its bytes."""


def _as_rows(entries: _Entries, names: tuple[str, ...]) -> pa.RecordBatch:
    told = set(names) - set(_OWN)
    groups, rest = _grouped(entries, _fields(entries.table, told)) if told else ([], np.arange(0))
    try:
        return _columns(entries, groups, rest, names)
    except Unlike:
        return _columns(entries, [], np.arange(len(entries.starts)), names)


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Records that look alike, and what one of them tells."""

    alike: Alike
    told: Mapping[str, Any]


def _fields(table: Table[Any], names: Collection[str]) -> set[str]:
    """The fields of a record that the columns are made of."""
    found = set()
    for name in names:
        column = table.columns.get(name)
        found.add(name if column is None else str(column.path[0]))
        if column is not None and column.of is not None:
            found.add(column.of[0])
    return found


def _grouped(entries: _Entries, fields: Collection[str]) -> tuple[list[_Group], Places]:
    """The groups of records that look alike, and those that look like few others."""
    groups: list[_Group] = []
    alone: list[Places] = []
    rest = np.arange(len(entries.starts))
    skipped = len(entries.table.mark) if entries.table.marked else 0
    for _ in range(_MOST_SHAPES):
        if len(rest) < _FEW:
            break
        first = int(rest[0])
        payload = entries.packed.data[entries.starts[first] + skipped : entries.stops[first]]
        shape = learn(payload, varying=entries.table.fields)
        if shape is None:
            alone.append(rest[:1])
            rest = rest[1:]
            continue
        shape = shape.beginning(fields)
        found = shape.fit(entries.packed, entries.starts[rest] + skipped, entries.stops[rest])
        alike = replace(found, rows=rest[found.rows])
        groups.append(_Group(alike=alike, told=entries.facts(first)))
        rest = np.delete(rest, found.rows)
    return groups, np.sort(np.concatenate([*alone, rest]))


def _columns(
    entries: _Entries, groups: list[_Group], alone: Places, names: tuple[str, ...]
) -> pa.RecordBatch:
    """The groups' records and those ``alone`` as rows. Raises Unlike."""
    every, schema = np.arange(len(entries.starts)), entries.table.schema
    facts = [entries.facts(row) for row in alone.tolist()] if set(names) - set(_OWN) else []
    orders: dict[tuple[int, ...], Order] = {}
    columns = []
    for name in names:
        if name in _OWN:
            columns.append(_OWN[name](entries, every))
            continue
        kind = schema.field(name).type
        parts = _parts(entries.table, groups, name, orders)
        if len(alone):
            parts.append((alone, pa.array([told[name] for told in facts], kind)))
        columns.append(merged(parts, len(every), kind))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema([schema.field(n) for n in names]))


def _parts(
    table: Table[Any], groups: list[_Group], name: str, orders: dict[tuple[int, ...], Order]
) -> list[tuple[Places, pa.Array]]:
    """A column's values, of groups that have them at the same paths together.

    ``orders`` are kept for other columns: how groups, by their numbers, come one after another.
    """
    column, kind = table.columns.get(name), table.schema.field(name).type
    parts: list[tuple[Places, pa.Array]] = []
    same: dict[tuple[Path, ...], dict[int, Alike]] = {}
    for number, group in enumerate(groups):
        there = group.alike.of(column.path) if column else None
        if column is None or there is None or not there.places:
            value = pa.scalar(group.told[name], kind)
            parts.append((group.alike.rows, pa.repeat(value, len(group.alike))))
        elif column.of is not None and group.told[column.of[0]] != column.of[1]:
            parts.append((group.alike.rows, pa.nulls(len(group.alike), kind)))
        else:
            same.setdefault(tuple(there.places), {})[number] = there
    for some in same.values():
        numbers, alike = tuple(some), tuple(some.values())
        if numbers not in orders:
            orders[numbers] = Order.of(alike)
        one = together(alike, orders[numbers])
        parts.append((one.rows, table.columns[name].make(one)))
    return parts
