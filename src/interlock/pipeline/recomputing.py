"""History values over again, by the oracle that shares no code with the SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from interlock.features.definition import HistoryDefinition
from interlock.features.grid import grid_point
from interlock.features.oracle import recompute


def recompute_rows(
    definition: HistoryDefinition, table: pa.Table, examples: pa.Table
) -> tuple[int, int]:
    """(values compared, values that differ) of training's rows, over again by the oracle."""
    compared = wrong = 0
    for row in examples.to_pylist():
        grid = grid_point(row["t"], definition)
        key = tuple(_entity_part(row, name) for name, _ in definition.entity)
        expected = recompute(definition, rows_of(table, definition, key, (grid,)), key, grid)
        for aggregate, value in zip(definition.aggregates, expected, strict=True):
            compared += 1
            wrong += not same(row[f"feature.{aggregate.name}"], value)
    return compared, wrong


def _entity_part(row: Mapping[str, Any], name: str) -> Any:
    return row[f"feature.{name}"] if f"feature.{name}" in row else row[f"request.{name}"]


def rows_of(
    table: pa.Table, definition: HistoryDefinition, key: tuple[Any, ...], grids: Sequence[int]
) -> list[dict[str, Any]]:
    """The source's rows of one entity that may count at those grid points (µs).

    Where every aggregate reaches back for so long only, rows older than twice that are left out:
    the oracle itself says which of the rest are too old.
    """
    if any(part is None for part in key):
        return []
    chosen = pc.less(table["__event_time"], pa.scalar(max(grids), pa.int64()))
    for (name, _), part in zip(definition.entity, key, strict=True):
        try:
            wanted = pa.scalar(part, type=table.schema.field(name).type)
        except (OverflowError, UnicodeEncodeError):
            return []  # beyond what a source can hold
        chosen = pc.and_(chosen, pc.equal(table[name], wanted))
    reaches = [a.reach for a in definition.aggregates]
    if all(reach is not None for reach in reaches):
        oldest = min(grids) - 2 * max(reach for reach in reaches if reach is not None)
        recent = pc.greater_equal(table["__event_time"], pa.scalar(oldest, pa.int64()))
        chosen = pc.and_(chosen, recent)
    found: list[dict[str, Any]] = table.filter(chosen).to_pylist()
    return found


def same(logged: Any, expected: Any) -> bool:
    """Equal, NaN equal to NaN; 3 and 3.0 are the same number after a round trip through JSON."""
    if isinstance(logged, float) and isinstance(expected, float) and logged != logged:
        return expected != expected
    if isinstance(logged, str) and hasattr(expected, "isoformat"):
        return bool(logged == expected.isoformat())
    return bool(logged == expected) and isinstance(logged, bool) == isinstance(expected, bool)
