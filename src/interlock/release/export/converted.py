"""Estimators that no exporter here knows, through skl2onnx (the extra ``onnx-fallback``).

What it makes is not taken as it comes: only the nodes behind the scores, in double precision, of
operators that :mod:`interlock.release.export.graph` lists, without subgraphs; and like every graph
it is held to the fitted estimator before it is used. skl2onnx rounds some models to single
precision on the way: these are set aside for a native format, with the difference as the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from onnx.onnx_ml_pb2 import GraphProto
from sklearn.base import is_classifier

from interlock.errors import first_line
from interlock.release.export.builder import GraphBuilder
from interlock.release.export.exported import Refusal, Written
from interlock.release.export.graph import OPSETS, foreign_operators
from interlock.release.export.links import ROUNDING
from interlock.train.raw import link_of

_OPSETS = dict(OPSETS) | {"ai.onnx.ml": 3}  # the newest that the converters know


def accepts(estimator: Any) -> bool:
    """Whether scikit-learn has the estimator, and skl2onnx may know it."""
    return type(estimator).__module__.startswith("sklearn.") and hasattr(estimator, "predict")


def write(estimator: Any, builder: GraphBuilder, source: str) -> Written:
    """Its predictions or probabilities. Raises Refusal for what cannot be converted."""
    name = type(estimator).__name__
    if find_spec("skl2onnx") is None:
        raise Refusal(f"no exact exporter for {name}, and the extra 'onnx-fallback' is missing")
    if link_of(estimator) not in ("identity", "probability"):
        raise Refusal(f"no exact exporter for {name}, and its scores have a link")
    if is_classifier(estimator) and not hasattr(estimator, "predict_proba"):
        raise Refusal(f"no exact exporter for {name}, and it predicts no probabilities")
    graph = _converted(estimator, name)
    output = graph.output[-1].name  # of a classifier's label and probabilities the latter
    width = len(estimator.classes_) if is_classifier(estimator) else 1
    scores = builder.embed(graph, source, output)
    shaped = builder.add("Reshape", scores, builder.constant([-1, width]))
    builder.converted.append(name)
    return Written(name=shaped, width=width, tolerance=ROUNDING)


def _converted(estimator: Any, name: str) -> GraphProto:
    import skl2onnx  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra, and slow
    from skl2onnx.common import data_types  # type: ignore[import-untyped]  # noqa: PLC0415

    options: Mapping[int, Any] = {id(estimator): {"zipmap": False}}
    try:
        made = skl2onnx.to_onnx(
            estimator,
            initial_types=[("X", data_types.DoubleTensorType([None, estimator.n_features_in_]))],
            options=options if is_classifier(estimator) else None,
            target_opset=_OPSETS,
        )
    except Exception as error:  # converters raise anything; the model is then kept as it is
        reason = first_line(error)
        raise Refusal(f"no exact exporter for {name}, and skl2onnx cannot: {reason}") from error
    graph: GraphProto = made.graph
    if foreign := foreign_operators(graph):
        raise Refusal(
            f"no exact exporter for {name}, and skl2onnx needs what a release may not hold: "
            + ", ".join(foreign)
        )
    return graph
