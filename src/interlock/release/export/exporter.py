"""From a fitted estimator to the bytes that a release carries.

Behind Interlock's encoder an estimator gets a double matrix, and an exact exporter is tried first;
what none knows is converted by skl2onnx where that can; where all refuse, the model is kept in a
safe native format and the reason is recorded. A Pipeline takes the feature columns themselves;
exported, it stands behind an encoder that numbers the texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from interlock.errors import AuthorError
from interlock.features.definition import Input
from interlock.release.export import (
    baseline,
    calibrated,
    converted,
    gradient_boosting,
    hist_gradient_boosting,
    lightgbm,
    linear,
    pipeline,
    quantiles,
    stacking,
    trees,
    voting,
    xgboost,
)
from interlock.release.export.builder import MATRIX, GraphBuilder
from interlock.release.export.exported import (
    FILE_NAMES,
    Edges,
    Exported,
    Refusal,
    Written,
)
from interlock.release.manifest import ModelFormat
from interlock.train.answer import Link, Task
from interlock.train.encoder import Encoder
from interlock.train.raw import link_of

EXACTLY = "exported exactly"
ROUNDING = 1e-12  # relative: matrix products and parallel forests add in orders of their own
_EXACT = (
    baseline,
    calibrated,
    gradient_boosting,
    hist_gradient_boosting,
    lightgbm,
    linear,
    pipeline,
    quantiles,
    stacking,
    trees,
    voting,
    xgboost,
    converted,  # last: what none of these knows
)


def export(
    estimator: Any,
    encoder: Encoder | None,
    *,
    task: Task,
    inputs: Sequence[Input] = (),
    columns: Mapping[str, Any] | None = None,
) -> Exported:
    """Package a fitted estimator that stands behind ``encoder``, or takes the columns itself.

    Without an encoder (a Pipeline) the training rows' ``columns`` of its ``inputs`` say which texts
    there are. Raises AuthorError T150, T151 or T152 where no safe format can hold it.
    """
    name = type(estimator).__name__
    taken = encoder
    if encoder is None:
        if columns is None:
            return _native(estimator, task, f"{name} takes the feature columns itself")
        taken = pipeline.encoder_of(estimator, inputs, columns)
    try:
        return replace(exact(estimator, taken), encoder=taken)
    except Refusal as refusal:
        reason = str(refusal)
        shown = reason if name in reason else f"{name}: {reason}"
        return keep(estimator, task=task, reason=shown, encoder=encoder)


def exact(estimator: Any, encoder: Encoder | None = None) -> Exported:
    """The exact export of a fitted estimator, or of a Pipeline behind an encoder of texts.

    Raises Refusal where there is none.
    """
    exporter = _exporter_of(estimator)
    whole = pipeline.takes_columns(estimator)
    n_columns = encoder.n_columns if whole and encoder else width_of(estimator)
    builder = GraphBuilder(n_columns=n_columns, writer=write, encoder=encoder if whole else None)
    written = builder.write(estimator, MATRIX)
    return _exported(
        "onnx",
        builder.model(written.name, width=written.width),
        link=link_of(estimator),
        reason=_how(builder),
        exporter=exporter.__name__.rpartition(".")[2],
        edges=written.edges,
        tolerance=written.tolerance,
    )


def _how(builder: GraphBuilder) -> str:
    if not builder.converted:
        return EXACTLY
    names = ", ".join(dict.fromkeys(builder.converted))
    return f"no exact exporter for {names}; converted by skl2onnx"


def write(estimator: Any, builder: GraphBuilder, source: str) -> Written:
    """Write a fitted estimator into a graph. Raises Refusal where no exporter knows it."""
    written: Written = _exporter_of(estimator).write(estimator, builder, source)
    return written


def width_of(estimator: Any) -> int:
    """How many columns of a matrix a fitted estimator, or a rule, takes."""
    if baseline.accepts(estimator):
        return 1 if len(estimator.keys) else 0
    return int(estimator.n_features_in_)


def _exporter_of(estimator: Any) -> Any:
    for exporter in _EXACT:
        if exporter.accepts(estimator):
            return exporter
    raise Refusal(f"no exact exporter for {type(estimator).__name__}")


def keep(estimator: Any, *, task: Task, reason: str, encoder: Encoder | None = None) -> Exported:
    """The library's own safe format where it has one, else skops; ``reason`` is why.

    Raises AuthorError T150, T151 or T152 where neither can hold it, and T117 for a model with
    quantiles, which only a graph holds.
    """
    if quantiles.accepts(estimator):
        raise AuthorError(
            "T117",
            "a candidate with quantiles cannot be packaged exactly",
            expected="an estimator whose quantile models become one exact graph with it",
            got=reason,
            fix="drop quantiles=…: intervals are then as wide for every row",
        )
    if lightgbm.accepts(estimator):
        payload = lightgbm.portable_text(estimator).encode()
        kept = _own("lightgbm", payload, estimator, reason)
    elif xgboost.accepts(estimator):
        _require_nan(estimator, reason)
        payload = bytes(xgboost.used(estimator).save_raw("ubj"))
        kept = _own("xgboost", payload, estimator, reason)
    else:
        kept = _native(estimator, task, reason)
    return replace(kept, encoder=encoder)


def _require_nan(estimator: Any, reason: str) -> None:
    """Raises AuthorError T151 where XGBoost's file would forget what the estimator takes for
    missing."""
    if not xgboost.reads_nan(estimator):
        name = type(estimator).__name__
        raise AuthorError(
            "T151",
            f"{name} will not export: its own format does not hold what it takes for missing",
            expected="missing=nan, or an estimator that is exported exactly",
            got=f"missing={estimator.missing!r}, and {reason}",
            fix="leave out missing=…: missing values reach an estimator as NaN",
        )


def _own(kind: ModelFormat, payload: bytes, estimator: Any, reason: str) -> Exported:
    return _exported(
        kind,
        payload,
        link=link_of(estimator),
        reason=reason,
        exporter=kind,
        edges=Edges(),
        tolerance=ROUNDING,
    )


def _native(estimator: Any, task: Task, reason: str) -> Exported:
    from interlock.release.export import native  # noqa: PLC0415 - skops is slow, and seldom needed

    try:
        payload = native.export(estimator, task=task)
    except AuthorError as error:
        raise AuthorError.of(
            [replace(m, got=f"{m.got}; it is no graph: {reason}") for m in error.mistakes]
        ) from error
    return _exported(
        "skops",
        payload,
        link=link_of(estimator),
        reason=reason,
        exporter="native",
        edges=Edges(),
        tolerance=ROUNDING,
    )


def _exported(
    kind: ModelFormat,
    payload: bytes,
    *,
    link: Link,
    reason: str,
    exporter: str,
    edges: Edges,
    tolerance: float,
) -> Exported:
    return Exported(
        format=kind,
        file_name=FILE_NAMES[kind],
        payload=payload,
        link=link,
        reason=reason,
        exporter=exporter,
        edges=edges,
        tolerance=tolerance,
    )
