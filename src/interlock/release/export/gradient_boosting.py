"""scikit-learn's GradientBoosting regressors and classifiers, to the bit.

What had to be heeded: the matrix is seen in single precision; the first, constant tree is what the
boosting starts from; each leaf counts by the learning rate, multiplied in double as there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

from interlock.release.export.builder import GraphBuilder
from interlock.release.export.exported import Refusal, Written
from interlock.release.export.forest import Forest
from interlock.release.export.trees import branches, edges_of


def accepts(estimator: Any) -> bool:
    """Whether this module knows the estimator's exact class."""
    return type(estimator) in (GradientBoostingRegressor, GradientBoostingClassifier)


def write(estimator: Any, builder: GraphBuilder, source: str) -> Written:
    """Raw scores; raises Refusal where it starts from a model, or from an unknown loss."""
    if getattr(estimator, "loss", "") == "exponential":
        raise Refusal("the exponential loss reads its scores in a way of its own")
    first = _first(estimator)
    forest = Forest(n_targets=len(first))
    for target, value in enumerate(first.tolist()):
        forest.add_constant(value, target=target)
    for stage in estimator.estimators_:
        for target, tree in enumerate(stage):
            values = estimator.learning_rate * tree.tree_.value[:, 0, 0]
            forest.add_tree(branches(tree.tree_, values), target=target)
    single = builder.through_float(source)
    name = forest.write(builder, single)
    trees = [tree.tree_ for tree in estimator.estimators_.ravel()]
    return Written(name=name, width=len(first), edges=edges_of(trees, estimator))


def _first(estimator: Any) -> np.ndarray:
    """The scores before the first tree, (n_scores,), the same for every row."""
    if not isinstance(estimator.init_, DummyClassifier | DummyRegressor | str):
        raise Refusal("it starts from the predictions of another model")
    row = np.zeros((1, estimator.n_features_in_), dtype=np.float32)
    found: np.ndarray = np.asarray(estimator._raw_predict_init(row), dtype=np.float64)[0]
    return found
