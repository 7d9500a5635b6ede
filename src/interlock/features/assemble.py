"""From request columns to model inputs, for many rows: training, batch and replay share this.

Invariants: one row in, one row out, in order; request features come from the packed functions,
history features from a provider that is asked once for each history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from interlock.data.conform import python_values
from interlock.features.definition import FeatureSet, HistoryDefinition
from interlock.features.grid import grid_points
from interlock.features.history import (
    AVAILABLE_AT,
    EVENT_TIME,
    GRID,
    KEY,
    ORDINAL,
    SUPERSEDED_AT,
    columns_looked_at,
    compute,
)
from interlock.features.request import PackedFeatures, RowFailure

Columns = Mapping[str, Sequence[Any]]
HistoryProvider = Callable[[HistoryDefinition, Columns, np.ndarray], Columns]

_ARROW = {
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "str": pa.string(),
    "category": pa.string(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True, kw_only=True)
class Assembled:
    """The features of many rows: Python values by name, ``n_rows`` each, and the failures.

    ``features`` holds request features and aggregates; ``grids`` the grid point (µs) of each row by
    history.
    """

    features: Mapping[str, Sequence[Any]]
    grids: Mapping[str, np.ndarray]
    failures: tuple[RowFailure, ...]


def arrow_type(kind: str) -> pa.DataType:
    """The Arrow type in which values of a kind are kept."""
    return _ARROW[kind]


def assemble(
    features: FeatureSet,
    packed: PackedFeatures,
    columns: Columns,
    instants: np.ndarray,
    history: HistoryProvider,
) -> Assembled:
    """All features of the rows whose request fields are ``columns``; ``instants`` (n_rows,) µs."""
    made, failures = packed.columns(columns, instants.tolist())
    known: dict[str, Sequence[Any]] = {**columns, **made}
    found: dict[str, Sequence[Any]] = dict(made)
    grids: dict[str, np.ndarray] = {}
    for definition in features.histories:
        entities = {name: known[name] for name, _ in definition.entity}
        grids[definition.name] = grid_points(instants, definition)
        found.update(history(definition, entities, grids[definition.name]))
    return Assembled(features=found, grids=grids, failures=failures)


def as_of(rows: Mapping[str, pa.Table]) -> HistoryProvider:
    """A provider that computes each value from a source's rows, as of the row's grid point.

    ``rows`` holds, by history, the table that :func:`history_rows` made.
    """

    def provide(definition: HistoryDefinition, entities: Columns, grids: np.ndarray) -> Columns:
        at = {ORDINAL: pa.array(np.arange(len(grids), dtype=np.int64))}
        for name, kind in definition.entity:
            at[name] = pa.array(entities[name], type=arrow_type(kind))
        at[GRID] = pa.array(grids)
        result = compute(definition, rows[definition.name], pa.table(at))
        return {
            a.name: python_values(result.column(a.name).combine_chunks())
            for a in definition.aggregates
        }

    return provide


def history_rows(
    definition: HistoryDefinition,
    packed: PackedFeatures,
    table: pa.Table,
    failures: list[RowFailure] | None = None,
) -> pa.Table:
    """A snapshot's revisions, which stand in key order, as the history statement reads them.

    Entity keys that are request features are computed by the packed functions on the source's own
    columns; a row on which that fails belongs to no entity, and is added to ``failures``.
    """
    made: dict[str, Any] = {}
    wanted = [name for name, _ in definition.entity if name in packed.names]
    if wanted:
        needed = packed.only(wanted)
        columns = {
            name: python_values(table.column(name).combine_chunks()) for name in needed.leaves
        }
        made, failed = needed.columns(columns, [0] * table.num_rows)
        if failures is not None:
            failures.extend(failed)
    out: dict[str, Any] = {}
    for name, kind in definition.entity:
        if name in made:
            out[name] = pa.array(made[name], type=arrow_type(kind))
        else:
            out[name] = table.column(name).cast(arrow_type(kind))
    looked_at = columns_looked_at(definition)
    for name in table.column_names if looked_at is None else sorted(looked_at):
        out.setdefault(name, table.column(name))
    times = (EVENT_TIME, AVAILABLE_AT, SUPERSEDED_AT)
    out |= {name: table.column(name) for name in times if name in table.column_names}
    out[KEY] = pa.array(np.arange(table.num_rows, dtype=np.int64))
    return pa.table(out)
