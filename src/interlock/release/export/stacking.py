"""scikit-learn's stacking regressor and classifier: a model of what its parts say."""

from __future__ import annotations

from typing import Any

from sklearn.base import is_classifier
from sklearn.ensemble import StackingClassifier, StackingRegressor

from interlock.release.export.builder import MATRIX, GraphBuilder
from interlock.release.export.exported import Refusal, Written, merged
from interlock.release.export.links import ROUNDING, write_decision, write_prediction


def accepts(estimator: Any) -> bool:
    """Whether this module knows the estimator's exact class."""
    return type(estimator) in (StackingClassifier, StackingRegressor)


def write(estimator: Any, builder: GraphBuilder, source: str) -> Written:
    """What the last estimator predicts from the parts, and from the matrix if that is passed on."""
    methods = estimator.stack_method_
    parts = [
        _column(part, method, builder, source)
        for part, method in zip(estimator.estimators_, methods, strict=True)
    ]
    names = [part.name for part in parts] + ([source] if estimator.passthrough else [])
    stacked = builder.add("Concat", *names, axis=1)
    if estimator.passthrough:
        _pass_on(builder, source, stacked)
    last = write_prediction(estimator.final_estimator_, builder, stacked)
    edges = merged([part.edges for part in parts])
    return Written(name=last.name, width=last.width, edges=edges, tolerance=ROUNDING)


def _pass_on(builder: GraphBuilder, source: str, stacked: str) -> None:
    """The columns go on as they are. Raises Refusal where texts are among them."""
    if source == MATRIX and builder.encoder is not None and builder.encoder.categorical:
        raise Refusal("it passes texts on to its last estimator")
    if source in builder.sparse:
        builder.sparse.add(stacked)


def _column(part: Any, method: str, builder: GraphBuilder, source: str) -> Written:
    """What the last estimator sees of a part: of two classes only the second's probability."""
    if method == "decision_function":
        return write_decision(part, builder, source)
    if method == "predict" and is_classifier(part):
        raise Refusal(f"it stacks the classes that {type(part).__name__} predicts")
    found = write_prediction(part, builder, source)
    if method != "predict_proba" or found.width != 2:
        return found
    name = builder.column(found.name, 1)
    return Written(name=name, width=1, edges=found.edges, tolerance=found.tolerance)
