"""scikit-learn's voting regressor and soft voting classifier: the mean of what their parts say."""

from __future__ import annotations

from typing import Any

from sklearn.ensemble import VotingClassifier, VotingRegressor

from interlock.release.export import single
from interlock.release.export.builder import GraphBuilder
from interlock.release.export.exported import Refusal, Written, merged
from interlock.release.export.links import ROUNDING, mean, write_prediction


def accepts(estimator: Any) -> bool:
    """Whether this module knows the estimator's exact class."""
    return type(estimator) in (VotingClassifier, VotingRegressor)


def write(estimator: Any, builder: GraphBuilder, source: str) -> Written:
    """The weighted mean; raises Refusal for a vote by majority."""
    if getattr(estimator, "voting", "soft") != "soft":
        raise Refusal("it counts votes and has no probabilities")
    parts = [write_prediction(part, builder, source) for part in estimator.estimators_]
    names, weights = [part.name for part in parts], estimator._weights_not_none
    if weights is None and all(part.single for part in parts):
        name = single.mean(builder, names)
    else:
        name = mean(builder, names, [float(w) for w in weights or [1.0] * len(parts)])
    edges = merged([part.edges for part in parts])
    return Written(name=name, width=parts[0].width, edges=edges, tolerance=ROUNDING)
