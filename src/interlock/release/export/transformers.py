"""scikit-learn's transformers that stand in front of a model, on cells.

Encoders of texts become a table: each text the column may hold is put through the fitted encoder
itself, so that infrequent, dropped, unknown and missing ones come out as they do there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from onnx.onnx_ml_pb2 import TensorProto
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from interlock.release.export.builder import MATRIX, GraphBuilder
from interlock.release.export.cells import (
    Cell,
    Number,
    Origin,
    Text,
    block,
    looked_up,
    numbers,
)
from interlock.release.export.exported import Refusal

Write = Callable[[Any, Sequence[Cell], GraphBuilder], list[Cell]]


def transform(transformer: Any, cells: Sequence[Cell], builder: GraphBuilder) -> list[Cell]:
    """What a fitted transformer makes of the cells. Raises Refusal for one that is not known."""
    write = _WRITERS.get(type(transformer))
    if write is None:
        raise Refusal(f"no exact exporter for {type(transformer).__name__}")
    return write(transformer, cells, builder)


def _scaled(scaler: Any, cells: Sequence[Cell], builder: GraphBuilder) -> list[Cell]:
    """(x − centre) / scale, each only where the scaler has it."""
    centre = getattr(scaler, "mean_", getattr(scaler, "center_", None))
    if isinstance(scaler, StandardScaler) and not scaler.with_mean:
        centre = None
    name = block(cells, builder)
    if centre is not None:
        name = builder.add("Sub", name, builder.constant(centre))
    if scaler.scale_ is not None:
        name = builder.add("Div", name, builder.constant(scaler.scale_))
    if getattr(scaler, "clip", False):  # MaxAbsScaler's
        name = _clipped(name, -1.0, 1.0, builder)
    ones, none = np.ones(len(cells)), np.zeros(len(cells))
    factors = ones if scaler.scale_ is None else scaler.scale_
    return numbers(name, _origins(cells, factors, none if centre is None else centre))


def _min_max(scaler: MinMaxScaler, cells: Sequence[Cell], builder: GraphBuilder) -> list[Cell]:
    product = builder.add("Mul", block(cells, builder), builder.constant(scaler.scale_))
    name = builder.add("Add", product, builder.constant(scaler.min_))
    if scaler.clip:
        low, high = scaler.feature_range
        name = _clipped(name, low, high, builder)
    factors = 1.0 / scaler.scale_
    return numbers(name, _origins(cells, factors, -scaler.min_ * factors))


def _clipped(name: str, low: float, high: float, builder: GraphBuilder) -> str:
    least, most = (builder.constant(np.array(float(end))) for end in (low, high))
    return builder.add("Min", builder.add("Max", name, least), most)


def _imputed(imputer: SimpleImputer, cells: Sequence[Cell], builder: GraphBuilder) -> list[Cell]:
    if all(isinstance(cell, Text) for cell in cells):
        return _imputed_texts(imputer, cells)
    if not (isinstance(imputer.missing_values, float) and np.isnan(imputer.missing_values)):
        raise Refusal(f"SimpleImputer takes {imputer.missing_values!r} for missing")
    filled = np.asarray(imputer.statistics_, dtype=np.float64)
    kept = [i for i, value in enumerate(filled) if not np.isnan(value)]
    left = [cells[i] for i in kept]
    marked = imputer.indicator_.features_.tolist() if imputer.add_indicator else []
    found: list[Cell] = []
    if left:
        name, fill = block(left, builder), builder.constant(filled[kept])
        full = builder.add("Where", builder.add("IsNaN", name), fill, name)
        found = numbers(full, [_origin(c) for c in left])
    if not marked:
        return found
    missing = builder.add("IsNaN", block([cells[i] for i in marked], builder))
    return found + numbers(builder.cast(missing, TensorProto.DOUBLE), [None] * len(marked))


def _imputed_texts(imputer: SimpleImputer, cells: Sequence[Cell]) -> list[Cell]:
    if imputer.add_indicator:
        raise Refusal("SimpleImputer marks missing texts")
    gone = imputer.missing_values
    if gone is not None and not isinstance(gone, str):  # NaN, say: None is a text like any other
        return list(cells)
    return [
        Text(
            column=cell.column,
            values=tuple(fill if value == gone else value for value in cell.values),
        )
        for cell, fill in zip(cells, imputer.statistics_, strict=True)
        if isinstance(cell, Text)
    ]


def _encoded(encoder: Any, cells: Sequence[Cell], builder: GraphBuilder) -> list[Cell]:
    """A table a column. Raises Refusal where the encoder takes numbers for categories."""
    texts = [cell for cell in cells if isinstance(cell, Text)]
    if len(texts) < len(cells):
        raise Refusal(f"{type(encoder).__name__} takes numbers for categories")
    found: list[Cell] = []
    for place, cell in enumerate(texts):
        table, refused = _table(encoder, texts, place)
        if table.shape[1]:
            name = looked_up(cell, table, refused, builder, MATRIX)
            found += numbers(name, [None] * table.shape[1])
    return found


def _table(encoder: Any, cells: Sequence[Text], place: int) -> tuple[np.ndarray, np.ndarray]:
    """What the encoder makes of each of a column's values, (n_values, width), and which of them it
    refuses, (n_values,); what it makes of a value may be NaN."""
    widths = _widths(encoder, len(cells))
    start = sum(widths[:place])
    known = [encoder.categories_[i][0] for i in range(len(cells))]
    rows, refused = [], []
    for value in cells[place].values:
        row = [*known[:place], value, *known[place + 1 :]]
        try:
            out = encoder.transform(_frame(encoder, row))
        except ValueError:  # an unknown category
            refused.append(True)
            rows.append(np.zeros(widths[place]))
            continue
        refused.append(False)
        dense = out.toarray() if hasattr(out, "toarray") else np.asarray(out)
        rows.append(dense[0, start : start + widths[place]].astype(np.float64))
    return np.array(rows).reshape(len(rows), widths[place]), np.array(refused)


def _frame(encoder: Any, row: list[Any]) -> Any:
    names = getattr(encoder, "feature_names_in_", None)
    values = np.empty((1, len(row)), dtype=object)
    values[0, :] = row
    return values if names is None else pd.DataFrame(values, columns=list(names), dtype=object)


def _widths(encoder: Any, n_columns: int) -> list[int]:
    """How many columns the encoder makes of each of its own."""
    if isinstance(encoder, OneHotEncoder):
        return [int(n) for n in encoder._n_features_outs]
    if isinstance(encoder, TargetEncoder) and encoder.target_type_ == "multiclass":
        return [len(encoder.classes_)] * n_columns
    return [1] * n_columns


def _same(transformer: Any, cells: Sequence[Cell], builder: GraphBuilder) -> list[Cell]:
    if transformer.func is not None:
        raise Refusal("FunctionTransformer runs a function of its own")
    return list(cells)


def _origin(cell: Cell) -> Origin | None:
    return cell.origin if isinstance(cell, Number) else None


def _origins(cells: Sequence[Cell], factors: Any, offsets: Any) -> list[Origin | None]:
    """The origins of numbers that were (x − offset) / factor of theirs."""
    found: list[Origin | None] = []
    for cell, factor, offset in zip(cells, factors, offsets, strict=True):
        origin = _origin(cell)
        found.append(
            origin
            and Origin(
                column=origin.column,
                factor=float(factor) * origin.factor,
                offset=float(offset) * origin.factor + origin.offset,
            )
        )
    return found


_WRITERS: dict[type, Write] = {
    FunctionTransformer: _same,
    MaxAbsScaler: _scaled,
    MinMaxScaler: _min_max,
    OneHotEncoder: _encoded,
    OrdinalEncoder: _encoded,
    RobustScaler: _scaled,
    SimpleImputer: _imputed,
    StandardScaler: _scaled,
    TargetEncoder: _encoded,
}
