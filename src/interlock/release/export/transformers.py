"""scikit-learn's transformers that stand in front of a model, on cells.

Encoders become a table: each text or number that tells a column's rows apart is put through the
fitted encoder itself, so that infrequent, dropped, unknown and missing ones come out as they do
there.
"""

from __future__ import annotations

import warnings
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
    is_sparse,
    line_of,
    looked_up,
    numbers,
)
from interlock.release.export.exported import Refusal

_LARGEST = 4_000_000  # numbers in a table, 32 MB
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
    sparse = is_sparse(cells)
    if scaler.scale_ is not None and sparse:  # scikit-learn multiplies what is sparse
        name = builder.add("Mul", name, builder.constant(1.0 / scaler.scale_))
    elif scaler.scale_ is not None:
        name = builder.add("Div", name, builder.constant(scaler.scale_))
    if getattr(scaler, "clip", False):  # MaxAbsScaler's
        name = _clipped(name, -1.0, 1.0, builder)
    ones, none = np.ones(len(cells)), np.zeros(len(cells))
    factors = ones if scaler.scale_ is None else scaler.scale_
    origins = _origins(cells, factors, none if centre is None else centre)
    return numbers(name, origins, sparse=sparse)


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


def weighed(cells: Sequence[Cell], weight: float, builder: GraphBuilder) -> list[Cell]:
    """The numbers times a ColumnTransformer's weight for them."""
    name = builder.add("Mul", block(cells, builder), builder.constant(np.array(float(weight))))
    if weight == 0:
        return numbers(name, [None] * len(cells))
    n = len(cells)
    return numbers(name, _origins(cells, [1.0 / weight] * n, [0.0] * n), sparse=is_sparse(cells))


def _imputed(imputer: SimpleImputer, cells: Sequence[Cell], builder: GraphBuilder) -> list[Cell]:
    """The columns that it keeps, filled, then what says where they were missing."""
    texts = sum(isinstance(cell, Text) for cell in cells)
    if 0 < texts < len(cells):
        raise Refusal("SimpleImputer fills texts and numbers at once")
    kept = [
        i
        for i, fill in enumerate(imputer.statistics_)
        if imputer.keep_empty_features or fill == fill  # NaN where no row had a value
    ]
    marked = imputer.indicator_.features_.tolist() if imputer.add_indicator else []
    impute = _imputed_texts if texts else _imputed_numbers
    return impute(imputer, cells, kept, marked, builder)


def _imputed_numbers(
    imputer: SimpleImputer,
    cells: Sequence[Cell],
    kept: Sequence[int],
    marked: Sequence[int],
    builder: GraphBuilder,
) -> list[Cell]:
    missing = _missing_numbers(imputer, cells, builder)
    filled = np.asarray(imputer.statistics_, dtype=np.float64)
    found: list[Cell] = []
    if kept:
        left = [cells[i] for i in kept]
        name, fill = block(left, builder), builder.constant(filled[list(kept)])
        full = builder.add("Where", missing(left), fill, name)
        found = numbers(full, [_origin(c) for c in left], sparse=is_sparse(left))
    if not marked:
        return found
    marks = builder.cast(missing([cells[i] for i in marked]), TensorProto.DOUBLE)
    return found + numbers(marks, [None] * len(marked))


def _missing_numbers(
    imputer: SimpleImputer, cells: Sequence[Cell], builder: GraphBuilder
) -> Callable[[Sequence[Cell]], str]:
    """What tells which numbers of some columns are missing to the imputer: NaN, or one number, and
    it then refuses NaN."""
    gone = imputer.missing_values
    if isinstance(gone, float) and np.isnan(gone):
        return lambda some: builder.add("IsNaN", block(some, builder))
    if not isinstance(gone, int | float):
        raise Refusal(f"SimpleImputer takes {gone!r} for missing")
    builder.refuse_missing(block(cells, builder))
    value = builder.constant(np.array(float(gone)))
    return lambda some: builder.add("Equal", block(some, builder), value)


def _imputed_texts(
    imputer: SimpleImputer,
    cells: Sequence[Cell],
    kept: Sequence[int],
    marked: Sequence[int],
    _: GraphBuilder,
) -> list[Cell]:
    gone = imputer.missing_values  # to NaN, say, no text is equal: None is one like any other
    texts = [cell for cell in cells if isinstance(cell, Text)]
    fills = imputer.statistics_
    filled = [(texts[i], lambda text, fill=fills[i]: fill if text == gone else text) for i in kept]
    marks = [(texts[i], lambda text: text == gone) for i in marked]
    return [
        Text(column=cell.column, values=tuple(map(change, cell.values)))
        for cell, change in (*filled, *marks)
    ]


def _encoded(encoder: Any, cells: Sequence[Cell], builder: GraphBuilder) -> list[Cell]:
    """A table a column."""
    sparse = bool(getattr(encoder, "sparse_output", False))
    found: list[Cell] = []
    for place, cell in enumerate(cells):
        values = cell.values if isinstance(cell, Text) else _numbers_known(encoder, place)
        table, refused = _table(encoder, values, place)
        if table.shape[1]:
            index = line_of(cell, values, builder, MATRIX)
            name = looked_up(index, table, refused, builder)
            found += numbers(name, [None] * table.shape[1], sparse=sparse)
    return found


def _numbers_known(encoder: Any, place: int) -> tuple[float, ...]:
    """What a column of numbers may hold for an encoder: its categories, an infinity, which it
    refuses, any other number, and NaN."""
    given = [float(v) for v in encoder.categories_[place] if v is not None]
    known = sorted(v for v in given if v == v)
    other = next(float(v) for v in range(len(known) + 1) if float(v) not in known)
    return (*known, np.inf, -np.inf, other, np.nan)


def _table(encoder: Any, values: Sequence[Any], place: int) -> tuple[np.ndarray, np.ndarray]:
    """What the encoder makes of each of a column's values, (n_values, width), and which of them it
    refuses, (n_values,); what it makes of a value may be NaN. Raises Refusal for too large ones."""
    widths = _widths(encoder, len(encoder.categories_))
    start, width = sum(widths[:place]), widths[place]
    if len(values) * width > _LARGEST:
        raise Refusal(f"{type(encoder).__name__} makes {width} columns of {len(values)} values")
    columns = slice(start, start + width)
    try:
        return _rows(encoder, values, place)[:, columns], np.zeros(len(values), dtype=bool)
    except ValueError:  # some of them are unknown
        table, refused = np.zeros((len(values), width)), np.zeros(len(values), dtype=bool)
    for line, value in enumerate(values):
        try:
            table[line] = _rows(encoder, [value], place)[0, columns]
        except ValueError:
            refused[line] = True
    return table, refused


def _rows(encoder: Any, values: Sequence[Any], place: int) -> np.ndarray:
    """What the encoder makes of rows that have these values in a column, and in the others the
    first that it knows."""
    known = [categories[0] for categories in encoder.categories_]
    columns = [[value] * len(values) for value in known]
    columns[place] = list(values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of unknown values
        out = encoder.transform(_frame(encoder, columns))
    dense = out.toarray() if hasattr(out, "toarray") else np.asarray(out)
    return np.asarray(dense, dtype=np.float64)


def _frame(encoder: Any, columns: Sequence[Sequence[Any]]) -> Any:
    """A table of these columns, as the encoder was fitted on one."""
    numeric = [known.dtype.kind in "fiub" for known in encoder.categories_]
    names = getattr(encoder, "feature_names_in_", None)
    arrays = [_array(c, numeric=n) for c, n in zip(columns, numeric, strict=True)]
    if names is not None:
        series = [pd.Series(array, dtype=array.dtype) for array in arrays]
        return pd.DataFrame(dict(zip(names, series, strict=True)))
    return np.column_stack(arrays)


def _array(values: Sequence[Any], *, numeric: bool) -> np.ndarray:
    if numeric:
        return np.array(values, dtype=np.float64)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


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
