"""Refreshing: the table that training joins, written to the online store grid point by grid point.

Invariants: what is stored for an entity at a grid point is what :func:`history.compute` gives it; a
grid point that is there already, made by the same definition from the same source, is not computed
again, so a refresh that was killed goes on where it was; readers go from one whole table to the
next, and forward in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from interlock.data.conform import python_values
from interlock.features.definition import HistoryDefinition
from interlock.features.history import GRID, refresh_table
from interlock.features.lookup import view_name
from interlock.store.online import OnlineWriter

_TOGETHER = 64  # grid points computed by one statement


def refresh(
    writer: OnlineWriter,
    definition: HistoryDefinition,
    rows: pa.Table | Callable[[], pa.Table],
    grids: Sequence[int],
    *,
    source: str = "",
    publish: bool = True,
    threads: int | None = None,
) -> dict[int, int]:
    """Write the table of every grid point, and answer from the last one if ``publish``.

    ``rows`` is as :func:`history.compute` takes it, or a function that gives it and is called only
    when something is to be computed. ``source`` names those rows; where it is given, tables made
    from it are kept. Returns the number of entities at each grid point that was written; one
    without any has an empty table, for *empty* is not *unavailable*.
    """
    asked = sorted(set(grids))
    wanted = [g for g in asked if not _is_there(writer, definition, g, source)]
    counts: dict[int, int] = {}
    for start in range(0, len(wanted), _TOGETHER):
        rows = rows() if callable(rows) else rows
        counts |= _write(writer, definition, rows, wanted[start:][:_TOGETHER], source, threads)
    if publish and asked:
        _publish(writer, definition, asked[-1], written=asked[-1] in counts)
    return counts


def is_current(writer: OnlineWriter, definition: HistoryDefinition, grid: int) -> bool:
    """Whether the store answers from this grid point, or a later one. Raises Unavailable F120."""
    view = view_name(definition)
    current = writer.current(view)
    return current is not None and current >= grid and writer.table(view, current) is not None


def _is_there(writer: OnlineWriter, definition: HistoryDefinition, grid: int, source: str) -> bool:
    table = writer.table(view_name(definition), grid) if source else None
    return table is not None and (table.digest, table.source) == (definition.digest, source)


def _write(
    writer: OnlineWriter,
    definition: HistoryDefinition,
    rows: pa.Table,
    grids: Sequence[int],
    source: str,
    threads: int | None,
) -> dict[int, int]:
    table = refresh_table(definition, rows, grids, threads=threads)
    counts = {}
    for grid, part in _parts(table, grids):
        columns = [python_values(part[name].combine_chunks()) for name in part.column_names]
        writer.write(
            view_name(definition),
            grid,
            key=definition.entity,
            values=[(a.name, a.kind) for a in definition.aggregates],
            rows=zip(*columns, strict=True),
            digest=definition.digest,
            source=source,
        )
        counts[grid] = part.num_rows
    return counts


def _publish(
    writer: OnlineWriter, definition: HistoryDefinition, grid: int, *, written: bool
) -> None:
    """Switch to the grid point, unless another refresh went one ahead meanwhile.

    A pointer further ahead was set by a clock that was wrong, and is taken back. One to the same
    grid point is set again when its table is another, so that readers open that.
    """
    view = view_name(definition)
    current = writer.current(view)
    ahead = current is not None and grid < current <= grid + definition.refresh
    if (ahead and writer.table(view, current or 0)) or (current == grid and not written):
        return
    writer.publish(view, grid)


def _parts(table: pa.Table, grids: Sequence[int]) -> Iterator[tuple[int, Any]]:
    """(grid point, its entities and values), for every grid point asked for, ascending."""
    points = table[GRID].to_numpy()
    values = table.drop_columns([GRID])
    for grid in sorted(set(grids)):
        first, end = np.searchsorted(points, [grid, grid + 1])
        yield grid, values.slice(first, end - first)
