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

from interlock.features.definition import Input
from interlock.release.export.builder import MATRIX, GraphBuilder
from interlock.release.export.cells import (
    Cell,
    Number,
    Origin,
    Text,
    block,
    held,
    is_sparse,
    numbers,
)
from interlock.release.export.exported import Edges, Written
from interlock.release.export.transformers import transform, weighed
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
    listed = {text for part in _parts(estimator) for text in _texts(part)}
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
    """The whole Pipeline, on the frame's columns or on what another estimator hands it. Raises
    Refusal for a step that no exporter knows."""
    parts = builder.encoder.parts if builder.encoder and source == MATRIX else ()
    cells: Sequence[Cell] = [_first(part, i) for i, part in enumerate(parts)]
    if not parts:
        own = [Origin(column=i) for i in range(_width(estimator))]
        cells = numbers(source, own, sparse=source in builder.sparse)
    for _, step in estimator.steps[:-1]:
        cells = _step(step, cells, builder)
    matrix = block(cells, builder)
    if is_sparse(cells):
        builder.sparse.add(matrix)
    last = builder.write(estimator[-1], matrix)
    if last.edges.thresholds and not last.edges.missing:
        builder.refuse_missing(matrix)  # trees would send it somewhere
    return Written(
        name=last.name,
        width=last.width,
        edges=_edges(last.edges, cells, parts),
        tolerance=last.tolerance,
    )


def _width(estimator: Pipeline) -> int:
    """How many columns it takes: a step that is passed over does not say it."""
    told = (getattr(step, "n_features_in_", None) for _, step in estimator.steps)
    return next(int(width) for width in told if width is not None)


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


def _side_by_side(
    step: ColumnTransformer, cells: Sequence[Cell], builder: GraphBuilder
) -> list[Cell]:
    weights = step.transformer_weights or {}
    found: list[Cell] = []
    for name, inner, _ in step.transformers_:
        chosen = [cells[i] for i in step._transformer_to_input_indices.get(name, [])]
        made = _step(inner, chosen, builder) if chosen else []
        found += weighed(made, weights[name], builder) if made and name in weights else made
    return held(found, sparse=step.sparse_output_)


def _parts(fitted: Any) -> Iterator[Any]:
    """A fitted estimator or step and all inside it, however deep."""
    yield fitted
    if isinstance(fitted, Pipeline):
        inner = [step for _, step in fitted.steps]
    elif isinstance(fitted, ColumnTransformer):
        inner = [step for _, step, _ in fitted.transformers_]
    else:
        inner = [*getattr(fitted, "estimators_", ()), getattr(fitted, "final_estimator_", None)]
        inner += [fold.estimator for fold in getattr(fitted, "calibrated_classifiers_", ())]
    for part in inner:
        if hasattr(part, "get_params"):
            yield from _parts(part)


def _texts(step: Any) -> Iterator[str]:
    """The texts that a step tells from all others."""
    for known in (*getattr(step, "categories_", ()), [getattr(step, "missing_values", None)]):
        yield from (text for text in known if isinstance(text, str))


def _edges(edges: Edges, cells: Sequence[Cell], parts: Sequence[Any]) -> Edges:
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
        for place, part in enumerate(parts)
        if isinstance(part, Coded)
    }
    return Edges(
        thresholds={column: tuple(sorted(v)) for column, v in sorted(thresholds.items())},
        codes=codes,
        missing=True,  # what a Pipeline does not take, its graph refuses
    )
