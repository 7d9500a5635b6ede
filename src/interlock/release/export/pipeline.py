"""A user's Pipeline, whole: its transformers and its last estimator in one graph.

A Pipeline takes a frame; the service makes a matrix. Between them stands an encoder that only
numbers the texts (see :mod:`interlock.release.export.cells`), which the release then carries.
Additions and divisions of scalers are those of scikit-learn; a linear model behind them adds in an
order of its own. Of a sparse matrix, as one-hot encoders make it, XGBoost takes every
zero for missing; so does the graph.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder, TargetEncoder

from interlock.features.definition import Input
from interlock.release.export import trees, xgboost
from interlock.release.export.builder import MATRIX, GraphBuilder
from interlock.release.export.cells import Cell, Number, Origin, Text, block
from interlock.release.export.exported import Edges, Refusal, Written
from interlock.release.export.transformers import transform
from interlock.train.encoded_column import Coded, PlainNumber
from interlock.train.encoder import Encoder

_TEXT_KINDS = ("str", "category")
OTHER = "\N{SYMBOL FOR NULL}other"
"""Stands for any text that no training row had."""


def accepts(estimator: Any) -> bool:
    """Whether it is a Pipeline."""
    return type(estimator) is Pipeline


def encoder_of(estimator: Any, inputs: Sequence[Input], columns: Mapping[str, Any]) -> Encoder:
    """What numbers the texts: those of training rows, and those the Pipeline itself lists."""
    found = [estimator, *getattr(estimator, "estimators_", ())]
    listed = {text for e in found for part in _parts(e) for text in _categories(part)}
    parts: list[PlainNumber | Coded] = []
    for given in inputs:
        if given.kind not in _TEXT_KINDS:
            parts.append(PlainNumber(name=given.name))
            continue
        seen = Counter(text for text in columns[given.name] if text is not None)
        vocabulary = tuple(sorted({*seen, *listed, *given.categories}))
        parts.append(Coded(name=given.name, vocabulary=vocabulary, rare=True))
    return Encoder(style="tree", parts=tuple(parts))


def decoded(encoder: Encoder, matrix: np.ndarray) -> dict[str, Any]:
    """The columns that an encoder of :func:`encoder_of` would make into that matrix."""
    columns: dict[str, Any] = {}
    for part, values in zip(encoder.parts, matrix.T, strict=True):
        if isinstance(part, Coded):
            texts = (*part.vocabulary, _other(part.vocabulary))
            columns[part.name] = [None if code != code else texts[int(code)] for code in values]
        else:
            columns[part.name] = values.copy()
    return columns


def _other(vocabulary: Sequence[str]) -> str:
    """A text that is none of these, to stand for all such."""
    other = OTHER
    while other in vocabulary:
        other += OTHER
    return other


def takes_columns(estimator: Any) -> bool:
    """Whether the estimator, or one inside it, takes a frame of columns."""
    if not hasattr(estimator, "get_params"):  # a baseline's rule
        return False
    parts = [estimator, *estimator.get_params(deep=True).values()]
    return any(isinstance(part, Pipeline | ColumnTransformer) for part in parts)


def write(estimator: Pipeline, builder: GraphBuilder, source: str) -> Written:
    """The whole Pipeline. Raises Refusal for a step that no exporter knows."""
    encoder = builder.encoder
    if encoder is None or source != MATRIX:
        raise Refusal("a Pipeline stands behind another estimator")
    cells: Sequence[Cell] = [_first(part, i) for i, part in enumerate(encoder.parts)]
    for _, step in estimator.steps[:-1]:
        cells = _step(step, cells, builder)
    matrix = block(cells, builder)
    sparse = _is_sparse(estimator.steps[:-1])
    if xgboost.accepts(estimator[-1]) and sparse:
        matrix = xgboost.blank(builder, matrix, np.float64(0.0))
    last = builder.write(estimator[-1], matrix)
    if _refuses_missing(estimator[-1], last.edges, sparse=sparse):
        builder.refuse(_nan_where_missing(builder, matrix))
    return Written(
        name=last.name,
        width=last.width,
        edges=_edges(last.edges, cells, encoder),
        tolerance=last.tolerance,
    )


def _refuses_missing(last: Any, edges: Edges, *, sparse: bool) -> bool:
    """Whether trees would answer what their estimator refuses."""
    return bool(edges.thresholds) and (not edges.missing or (sparse and trees.accepts(last)))


def _nan_where_missing(builder: GraphBuilder, matrix: str) -> str:
    """NaN for rows that hold one, or an infinity, (n_rows, 1): trees would send it somewhere,
    though the estimator refuses it."""
    nothing = builder.add("Sub", matrix, matrix)
    axis = builder.constant(np.array([1], dtype=np.int64))
    return builder.add("ReduceSum", nothing, axis, keepdims=1)


def _first(part: Any, place: int) -> Cell:
    if isinstance(part, Coded):
        known = part.vocabulary
        return Text(column=place, values=(*known, _other(known), None))
    return Number(tensor=MATRIX, place=place, origin=Origin(column=place))


def _step(step: Any, cells: Sequence[Cell], builder: GraphBuilder) -> list[Cell]:
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return list(cells)
    if isinstance(step, str):  # "drop"
        return []
    if type(step) is Pipeline:
        for _, inner in step.steps:
            cells = _step(inner, cells, builder)
        return list(cells)
    if type(step) is ColumnTransformer:
        return _side_by_side(step, cells, builder)
    return transform(step, cells, builder)


def _is_sparse(steps: Sequence[tuple[str, Any]], before: bool = False) -> bool:
    """Whether what comes out is a sparse matrix, whose zeros are not there to XGBoost."""
    found = before
    for _, step in steps:
        if type(step) is Pipeline:
            found = _is_sparse(step.steps, found)
        elif type(step) in (OrdinalEncoder, TargetEncoder):
            found = False
        else:
            found = getattr(step, "sparse_output_", getattr(step, "sparse_output", found))
    return found


def _side_by_side(
    step: ColumnTransformer, cells: Sequence[Cell], builder: GraphBuilder
) -> list[Cell]:
    if step.transformer_weights:
        raise Refusal("ColumnTransformer weighs its transformers")
    found: list[Cell] = []
    for name, inner, _ in step.transformers_:
        chosen = [cells[i] for i in step._transformer_to_input_indices.get(name, [])]
        if chosen:
            found += _step(inner, chosen, builder)
    return found


def _parts(step: Any) -> Iterator[Any]:
    """A step and all inside it."""
    yield step
    if isinstance(step, Pipeline):
        for _, inner in step.steps:
            yield from _parts(inner)
    elif isinstance(step, ColumnTransformer):
        for _, inner, _ in step.transformers_:
            yield from _parts(inner)


def _categories(step: Any) -> Iterator[str]:
    for known in getattr(step, "categories_", ()):
        yield from (text for text in known if isinstance(text, str))


def _edges(edges: Edges, cells: Sequence[Cell], encoder: Encoder) -> Edges:
    """The model's thresholds as values of the matrix, where a column has one origin."""
    thresholds: dict[int, set[float]] = {}
    for place, values in edges.thresholds.items():
        cell = cells[place]
        origin = cell.origin if isinstance(cell, Number) else None
        if origin is not None:
            back = (value * origin.factor + origin.offset for value in values)
            thresholds.setdefault(origin.column, set()).update(v for v in back if np.isfinite(v))
    codes = {
        place: tuple(float(code) for code in range(len(part.vocabulary)))
        for place, part in enumerate(encoder.parts)
        if isinstance(part, Coded)
    }
    return Edges(
        thresholds={column: tuple(sorted(v)) for column, v in sorted(thresholds.items())},
        codes=codes,
        missing=True,  # what a Pipeline does not take, its graph refuses
    )
