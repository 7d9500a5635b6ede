"""Refreshing: the table that training joins, written to the online store grid point by grid point.

Invariant: what is stored for an entity at a grid point is what :func:`history.compute` gives it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from interlock.data.conform import python_values
from interlock.features.definition import HistoryDefinition
from interlock.features.history import GRID, refresh_table
from interlock.features.lookup import view_name
from interlock.store.online import OnlineWriter


def refresh(
    writer: OnlineWriter,
    definition: HistoryDefinition,
    rows: pa.Table,
    grids: Sequence[int],
    *,
    publish: bool = True,
    threads: int | None = None,
) -> dict[int, int]:
    """Write the table of every grid point, and answer from the last one if ``publish``.

    ``rows`` is as :func:`history.compute` takes it. Returns the number of entities at each grid
    point; a grid point without any has an empty table, for *empty* is not *unavailable*.
    """
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
        )
        counts[grid] = part.num_rows
    if publish and counts:
        writer.publish(view_name(definition), max(counts))
    return counts


def _parts(table: pa.Table, grids: Sequence[int]) -> Iterator[tuple[int, Any]]:
    """(grid point, its entities and values), for every grid point asked for, ascending."""
    points = table[GRID].to_numpy()
    values = table.drop_columns([GRID])
    for grid in sorted(set(grids)):
        first, end = np.searchsorted(points, [grid, grid + 1])
        yield grid, values.slice(first, end - first)
