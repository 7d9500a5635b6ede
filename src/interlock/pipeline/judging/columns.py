"""What checks cut the test rows by: request fields, features, and columns of the examples' source.

A source column need not be anything that a model sees: it is fetched by key from the snapshot. So a
check may ask how a group fares that no consumer ever sends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from interlock.evaluate.parts import MOST_VALUES, Column
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.rows.snapshots import load_snapshots
from interlock.product.training_set import TrainingSet, example_keys


def cut_names(checks: Iterable[Any]) -> tuple[str, ...]:
    """The columns that checks name, each once."""
    return tuple(dict.fromkeys(name for check in checks for name in getattr(check, "by", ())))


def cut_columns(
    context: Context,
    snapshots: Outcome,
    rows: TrainingSet,
    chosen: NDArray[Any],
    names: Sequence[str],
) -> dict[str, Column]:
    """The named columns of the ``chosen`` rows, each (n_rows,).

    Numbers are float64 with NaN where missing; a date or an instant is its month in UTC; anything
    else is as it is, None where missing. A name that nothing has is left out.
    """
    found: dict[str, Column] = {}
    elsewhere = []
    for name in names:
        stored = _stored(rows, name)
        if stored is None:
            elsewhere.append(name)
        else:
            found[name] = _values(rows.table.column(stored).take(pa.array(chosen)))
    if elsewhere:
        found |= _of_source(context, snapshots, rows, chosen, elsewhere)
    return found


def automatic_names(context: Context, rows: TrainingSet, chosen: NDArray[Any]) -> tuple[str, ...]:
    """The model's inputs that rows are cut by where a check does not say.

    Request fields and request features: categories, booleans and texts of 2 to 12 values among the
    ``chosen`` rows, and numbers.
    """
    own = {f.name for f in context.bound.schema.fields}
    own |= {d.name for d in context.bound.features.request}
    found = []
    for given in rows.inputs:
        stored = _stored(rows, given.name)
        if given.name not in own or stored is None:
            continue
        distinct = pc.count_distinct(rows.table.column(stored).take(pa.array(chosen))).as_py()
        numeric = given.kind in ("int", "float")
        if distinct > 1 and (numeric or distinct <= MOST_VALUES):
            found.append(given.name)
    return tuple(found)


def _stored(rows: TrainingSet, name: str) -> str | None:
    for stored in (f"feature.{name}", f"request.{name}"):
        if stored in rows.table.column_names:
            return stored
    return None


def _of_source(
    context: Context,
    snapshots: Outcome,
    rows: TrainingSet,
    chosen: NDArray[Any],
    names: Sequence[str],
) -> dict[str, Column]:
    source = context.bound.examples_source
    table = load_snapshots(context, snapshots.output)[source.name].table
    keys = example_keys(context.bound, table)
    wanted = rows.table.column("key").take(pa.array(chosen))
    places = pc.index_in(wanted, value_set=keys)
    if places.null_count:
        return {}  # a row that its source does not have: nothing can be said of these columns
    there = [name for name in names if name in table.column_names]
    return {name: _values(table.column(name).take(places)) for name in there}


def _values(column: Any) -> Column:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    numeric = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    if any(is_kind(kind) for is_kind in numeric):
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
    if pa.types.is_temporal(kind) and not pa.types.is_time(kind):
        return [None if value is None else f"{value:%Y-%m}" for value in column.to_pylist()]
    values: list[Any] = column.to_pylist()
    return values
