"""A fitted candidate as it will ship: exported, loaded again, and held against the fit.

A graph that answers otherwise than the fitted estimator is set aside for the library's own format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.errors import InterlockError, Mistake, first_line
from interlock.release.export import pipeline
from interlock.release.export.exported import Exported
from interlock.release.export.exporter import EXACTLY, export, keep
from interlock.release.parity import Exactness, compare, edge_rows
from interlock.release.scorers.opening import open_scorer
from interlock.release.scorers.scorer import Scorer
from interlock.train.answer import Floats
from interlock.train.fitted import Fitted
from interlock.train.training_data import TrainingData, take

_ALONE = 32  # held-out rows that are also scored one by one


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedExport:
    """An exported model, loaded; ``exactness`` by set of rows, as plain JSON values."""

    exported: Exported
    scorer: Scorer
    exactness: Mapping[str, Any]

    def raw(self, columns: Mapping[str, Any]) -> Floats:
        """Raw scores (n_rows, n_scores) of rows given as feature columns."""
        encoder = self.exported.encoder
        scores: Floats = self.scorer.raw(encoder.transform(columns) if encoder else columns)
        return scores


def exported_as(
    fit: Fitted,
    data: TrainingData,
    *,
    rows: NDArray[np.int64] | None = None,
    edges: bool = True,
) -> LoadedExport:
    """Package a fit. Raises InterlockError T156 where what is packaged answers otherwise, T119
    where the estimator itself cannot be packaged or asked.

    Compared on ``rows`` of the data, by default those held out, and where the model's answer jumps.
    """
    split = data.split
    held_out = np.concatenate([split.tune, split.calibrate, split.test]) if rows is None else rows
    compared = take(data.columns, data.inputs, held_out)
    with _asking(fit):
        exported = _export(fit, data)
        try:
            return _compared(fit, exported, compared, edges=edges)
        except InterlockError as error:
            if exported.format != "onnx":
                raise
            how = "" if exported.reason == EXACTLY else f"{exported.reason}, but "
            reason = f"{how}its graph differed: {error.mistakes[0].got}"
        return _compared(fit, _kept(fit, data, reason), compared, edges=edges)


@contextmanager
def _asking(fit: Fitted) -> Iterator[None]:
    """What an estimator's own code raises is its candidate's affair. Raises InterlockError T119."""
    try:
        yield
    except (InterlockError, OSError, MemoryError):
        raise
    except Exception as error:  # an author's estimator may raise anything at all
        mistake = Mistake(
            code="T119",
            what="a candidate could not be packaged",
            where=f"candidate '{fit.name}'",
            got=f"{type(error).__name__}: {first_line(error)}",
            fix="read the estimator's own message; `interlock explain T119` names usual causes",
        )
        raise InterlockError.of([mistake]) from error


def payload_like(exported: Exported, fit: Fitted, data: TrainingData) -> bytes:
    """The bytes of another fit of the same candidate, in the format that the first one has."""
    found = _export(fit, data)
    same = found.format == exported.format
    return found.payload if same else _kept(fit, data, exported.reason).payload


def _export(fit: Fitted, data: TrainingData) -> Exported:
    train = data.part("train").columns
    return export(
        fit.estimator, fit.encoder, task=data.task, inputs=fit.prepared.inputs, columns=train
    )


def _kept(fit: Fitted, data: TrainingData, reason: str) -> Exported:
    """In the library's own format."""
    return keep(fit.estimator, task=data.task, reason=reason, encoder=fit.encoder)


def _compared(
    fit: Fitted, exported: Exported, columns: Mapping[str, Any], *, edges: bool
) -> LoadedExport:
    """Native against exported, on rows and, with ``edges``, at the model's edges. Raises T156."""
    encoder = exported.encoder
    scorer = open_scorer(
        exported.format,
        exported.payload,
        n_columns=encoder.n_columns if encoder else None,
        inputs=fit.prepared.inputs,
    )
    native = fit.raw(columns)
    rows: Any = encoder.transform(columns) if encoder else columns
    answers = scorer.raw(rows)
    if native.shape != answers.shape:
        got = f"{answers.shape[1]} scores a row, where the trained model has {native.shape[1]}"
        raise _inexact(fit.name, "held out", got, exported.tolerance)
    found = {"held out": compare(native, answers)}
    found |= {"one by one": _one_by_one(scorer, rows, answers)}
    if edges and encoder is not None and len(rows):
        found["edges"] = _at_edges(fit, exported, scorer, rows)
    for where, exactness in found.items():
        if exactness.rows and not exactness.within(exported.tolerance):
            raise _inexact(fit.name, where, str(exactness.to_row()), exported.tolerance)
    rows_of = {where: exactness.to_row() for where, exactness in found.items()}
    return LoadedExport(exported=exported, scorer=scorer, exactness=rows_of)


def _one_by_one(scorer: Scorer, rows: Any, answers: Floats) -> Exactness:
    """Some rows alone against the same among others: a Pipeline may see to it that they differ, as
    where pandas reads the texts of one row otherwise than those of many."""
    some = np.linspace(0, len(answers) - 1, min(_ALONE, len(answers))).astype(int)
    table = isinstance(rows, np.ndarray)
    alone = [
        scorer.raw_one(rows[i] if table else [column[i] for column in rows.values()])
        for i in some.tolist()
    ]
    return compare(answers[some], np.array(alone, dtype=np.float64).reshape(answers[some].shape))


def _at_edges(fit: Fitted, exported: Exported, scorer: Scorer, seen: Floats) -> Exactness:
    """Where the model's answer jumps. An estimator may refuse some of these rows (an unknown
    category, a sum that overflows): those without a finite answer, which the service refuses too,
    are then left out. Raises T156 where it refuses others."""
    matrix = edge_rows(exported.edges, seen)
    answers = scorer.raw(matrix)
    try:
        return compare(_native(fit, exported, matrix), answers)
    except ValueError:
        finite = np.isfinite(answers).all(axis=1)
    try:
        return compare(_native(fit, exported, matrix[finite]), answers[finite])
    except ValueError as error:
        got = f"answers, where the trained model has none: {first_line(error)}"
        raise _inexact(fit.name, "edges", got, exported.tolerance) from error


def _native(fit: Fitted, exported: Exported, matrix: Floats) -> Floats:
    """What the fitted estimator makes of rows of the release's matrix."""
    if fit.encoder is not None or exported.encoder is None:
        return fit.scores(matrix)
    return fit.raw(pipeline.decoded(exported.encoder, matrix))


def _inexact(name: str, where: str, got: str, tolerance: float) -> InterlockError:
    return InterlockError.of(
        [
            Mistake(
                code="T156",
                what="the packaged model does not answer as the trained one did",
                where=f"candidate '{name}', rows: {where}",
                expected=f"equal, or within {tolerance:g} relative",
                got=got,
                fix="report it; meanwhile use an estimator that exports exactly",
            )
        ]
    )
