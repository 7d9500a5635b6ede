"""scikit-learn's voting regressor and soft voting classifier: the mean of what their parts say."""

from __future__ import annotations

from typing import Any

from sklearn.ensemble import VotingClassifier, VotingRegressor

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
    weights = estimator._weights_not_none or [1.0] * len(parts)
    name = mean(builder, [part.name for part in parts], [float(w) for w in weights])
    edges = merged([part.edges for part in parts])
    return Written(name=name, width=parts[0].width, edges=edges, tolerance=ROUNDING)
