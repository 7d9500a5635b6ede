"""From a fitted estimator to the bytes that a release carries.

Behind Interlock's encoder an estimator gets a double matrix, and an exact exporter is tried first;
where it refuses, the model is kept in a safe native format and the reason is recorded. Without
the encoder (a Pipeline takes the feature columns themselves) only the native format remains.
"""

from __future__ import annotations

from typing import Any

from interlock.release.export import baseline, hist_gradient_boosting, lightgbm, linear
from interlock.release.export.exported import (
    FILE_NAMES,
    Edges,
    Exported,
    Format,
    Graph,
    Refusal,
)
from interlock.train.answer import Link, Task
from interlock.train.encoder import Encoder
from interlock.train.raw import link_of

ROUNDING = 1e-12  # relative: matrix products and parallel forests add in orders of their own
_EXACT = (baseline, hist_gradient_boosting, lightgbm, linear)


def export(estimator: Any, encoder: Encoder | None, *, task: Task) -> Exported:
    """Package a fitted estimator that stands behind ``encoder``, or takes the columns itself.

    Raises AuthorError T150, T151 or T152 where no safe format can hold it.
    """
    name = type(estimator).__name__
    if encoder is None:
        return _native(estimator, task, f"{name} takes the feature columns itself")
    for exporter in _EXACT:
        if exporter.accepts(estimator):
            try:
                graph = exporter.export(estimator)
            except Refusal as refusal:
                return _fallback(estimator, task, f"{name}: {refusal}")
            return _exact(estimator, graph, exporter.__name__.rpartition(".")[2])
    return _native(estimator, task, f"no exact exporter for {name}")


def _exact(estimator: Any, graph: Graph, exporter: str) -> Exported:
    return _exported(
        "onnx",
        graph.payload,
        link=link_of(estimator),
        reason="exported exactly",
        exporter=exporter,
        edges=graph.edges,
        tolerance=ROUNDING if exporter == "linear" else 0.0,
    )


def _fallback(estimator: Any, task: Task, reason: str) -> Exported:
    """LightGBM's own text where it is LightGBM, else skops."""
    if not lightgbm.accepts(estimator):
        return _native(estimator, task, reason)
    return _exported(
        "lightgbm",
        lightgbm.portable_text(estimator).encode(),
        link=link_of(estimator),
        reason=reason,
        exporter="lightgbm",
        edges=Edges(),
        tolerance=ROUNDING,
    )


def _native(estimator: Any, task: Task, reason: str) -> Exported:
    from interlock.release.export import native  # noqa: PLC0415 - skops is slow, and seldom needed

    return _exported(
        "skops",
        native.export(estimator, task=task),
        link=link_of(estimator),
        reason=reason,
        exporter="native",
        edges=Edges(),
        tolerance=ROUNDING,
    )


def _exported(
    kind: Format,
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
