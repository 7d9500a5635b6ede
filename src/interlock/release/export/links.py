"""What an estimator predicts, inside a graph: raw scores through the inverse of their link.

Only for estimators within others. The link of a release's own model stays outside the graph, in
:mod:`interlock.train.answer`, which evaluation and serving share. Exponentials of the runtime may
differ from NumPy's in the last bit. XGBoost's links are single precision there:
:mod:`interlock.release.export.single`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from interlock.release.export import single, xgboost
from interlock.release.export.builder import GraphBuilder
from interlock.release.export.exported import Refusal, Written
from interlock.train.raw import link_of, rounds_of

ROUNDING = 1e-12  # relative


def write_prediction(estimator: Any, builder: GraphBuilder, source: str) -> Written:
    """What ``predict`` gives for a regressor, ``predict_proba`` for a classifier.

    Raises Refusal for an estimator that no exporter knows.
    """
    scores, link = builder.write(estimator, source), link_of(estimator)
    name, width = scores.name, scores.width
    if _is_single(estimator):
        name = single.prediction(builder, name, link)
        return replace(scores, name=name, width=2 if link == "logit" else width, single=True)
    if link in ("identity", "probability"):
        return scores
    if link == "log":
        name = builder.add("Exp", name)
    elif link == "softmax":
        name = builder.add("Softmax", name, axis=1)
    else:
        name, width = both_classes(builder, sigmoid(builder, name)), 2
    return replace(scores, name=name, width=width, tolerance=ROUNDING)


def write_decision(estimator: Any, builder: GraphBuilder, source: str) -> Written:
    """What ``decision_function`` gives. Raises Refusal where no exporter knows it."""
    if link_of(estimator) not in ("logit", "softmax"):
        raise Refusal(f"{type(estimator).__name__} has scores that no exporter knows")
    scores, rounds = builder.write(estimator, source), rounds_of(estimator)
    if rounds == 1:
        return scores
    name = builder.add("Mul", scores.name, builder.constant(np.array(float(rounds))))
    return replace(scores, name=name, tolerance=ROUNDING)


def _is_single(estimator: Any) -> bool:
    """Whether it predicts floats, as XGBoost does, also at the end of a Pipeline."""
    last = estimator
    while isinstance(last, Pipeline):
        last = last[-1]
    return xgboost.accepts(last)


def sigmoid(builder: GraphBuilder, scores: str) -> str:
    """1 / (1 + exp(−score)) of a tensor."""
    zero, one = builder.constant(np.array(0.0)), builder.constant(np.array(1.0))
    power = builder.add("Exp", builder.add("Sub", zero, scores))
    return builder.add("Div", one, builder.add("Add", one, power))


def both_classes(builder: GraphBuilder, positive: str) -> str:
    """(n_rows, 2) from the probability of the second class, (n_rows, 1)."""
    one = builder.constant(np.array(1.0))
    return builder.add("Concat", builder.add("Sub", one, positive), positive, axis=1)


def mean(builder: GraphBuilder, parts: list[str], weights: list[float]) -> str:
    """The weighted mean of tensors of one shape, added in order."""
    total = ""
    for part, weight in zip(parts, weights, strict=True):
        term = part
        if weight != 1.0:
            term = builder.add("Mul", part, builder.constant(np.array(float(weight))))
        total = builder.add("Add", total, term) if total else term
    return builder.add("Div", total, builder.constant(np.array(float(sum(weights)))))
