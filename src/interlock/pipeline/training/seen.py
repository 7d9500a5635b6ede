"""What was predicted, and the rows behind it, for metrics that look at them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from interlock.evaluate.predicted import Predicted, Rows
from interlock.pipeline.context import Context
from interlock.product.training_set import TrainingSet
from interlock.store.arrays import array_from_bytes

_PREFIXES = ("request.", "feature.")
_NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)


def rows_of(rows: TrainingSet) -> Rows:
    """All examples: request fields and features by name, with what each is about."""
    columns = {
        stored.partition(".")[2]: _values(rows.table.column(stored))
        for stored in rows.table.column_names
        if stored.startswith(_PREFIXES)
    }
    return Rows(columns, unit=unit_ids(rows), classes=rows.classes)


def unit_ids(rows: TrainingSet) -> NDArray[Any]:
    """What each example is about, (n_rows,) texts."""
    return np.array(rows.table.column("unit").to_pylist(), dtype=object)


def clusters_of(rows: TrainingSet, numbers: NDArray[Any]) -> NDArray[Any] | None:
    """The units of these rows, where some are about the same; None where all are independent."""
    units = unit_ids(rows)[numbers]
    return units if len(set(units)) < len(units) else None


def load_predicted(context: Context, kept: Mapping[str, str]) -> Predicted:
    """What was predicted for some rows, from the blobs of ``packaging``."""
    values = array_from_bytes(context.artifacts.get(kept["prediction"]))
    if "answered" not in kept:
        return Predicted.of(values)
    return Predicted(values, array_from_bytes(context.artifacts.get(kept["answered"])))


def _values(column: Any) -> NDArray[Any]:
    if any(is_kind(column.type) for is_kind in _NUMBERS):
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
    return np.array(column.to_pylist(), dtype=object)
