"""What is wrong with a source as a whole, once its columns are known; every mistake at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from interlock.data.conform import NAIVE, type_problem
from interlock.data.instants import are_naive, needs_zone, time_problem
from interlock.data.logical import canonical_type
from interlock.data.mistakes import (
    no_zone,
    not_a_key,
    not_a_time,
    not_in_schema,
    unknown_column,
    wrong_type,
)
from interlock.data.read import Raw
from interlock.data.source import Source
from interlock.errors import Mistake


def source_mistakes(source: Source, raw: Raw, *, zone: str | None) -> list[Mistake]:
    """Unknown columns, columns of the wrong type, times without zone."""
    there = raw.table.column_names
    found = [
        unknown_column(column, there, where=source.label, use=use)
        for column, use in _uses(source)
        if column not in there
    ]
    for key in source.keys:
        if key in there and not _may_be_key(raw.table.schema.field(key).type):
            kind = str(raw.table.schema.field(key).type)
            found.append(not_a_key(key, kind, where=source.label))
    for name, column in source.columns.items():
        problem = name in there and type_problem(
            raw.table.schema.field(name).type, column.kind, parse=raw.parse
        )
        if problem:
            found.append(wrong_type(name, column.kind, problem, where=source.label))
    if source.strict:
        known = {column for column, _ in _uses(source)}
        found += [not_in_schema(c, where=source.label) for c in there if c not in known]
    times = [c for c in (source.event_time, source.available_at) if c is not None and c in there]
    return found + time_mistakes(source, raw.table, times, zone=zone)


def time_mistakes(
    source: Source, table: pa.Table, columns: Iterable[str], *, zone: str | None
) -> list[Mistake]:
    """What keeps the columns from being instants; ``zone`` is the one dates are read in."""
    return [m for column in columns for m in _time_mistake(source, table[column], column, zone)]


def _time_mistake(
    source: Source, values: pa.ChunkedArray, column: str, zone: str | None
) -> Iterator[Mistake]:
    if problem := time_problem(values.type):
        yield not_a_time(column, problem, where=source.label)
    elif are_naive(values):
        yield not_a_time(column, NAIVE, where=source.label)
    elif zone is None and needs_zone(values):
        yield no_zone(column, where=source.where)


def _uses(source: Source) -> Iterator[tuple[str, str]]:
    yield from ((key, "key") for key in source.keys)
    if source.event_time is not None:
        yield source.event_time, "event_time"
    if source.available_at is not None:
        yield source.available_at, "available_at"
    yield from ((column, "columns") for column in source.columns)
    if source.checks is not None:
        yield from ((column, "schema") for column in source.checks.columns)


def _may_be_key(found: pa.DataType) -> bool:
    kept = canonical_type(found)
    return kept is not None and not (
        pa.types.is_floating(kept) or (pa.types.is_timestamp(kept) and kept.tz is None)
    )
