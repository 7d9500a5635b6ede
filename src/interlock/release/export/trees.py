"""scikit-learn's decision trees, random forests and extra trees, to the bit.

What had to be heeded: they see the matrix in single precision; a forest adds its trees in order,
from zero, and divides by their number; a classifier's leaf holds a probability for each class, so
that each class has trees of its own. Missing values go where the tree sends them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

from interlock.release.export.builder import GraphBuilder
from interlock.release.export.exported import Edges, Refusal, Written
from interlock.release.export.forest import Branch, Forest

_FORESTS = (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
_TREES = (DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor)


def accepts(estimator: Any) -> bool:
    """Whether this module knows the estimator's exact class."""
    return type(estimator) in (*_FORESTS, *_TREES)


def write(estimator: Any, builder: GraphBuilder, source: str) -> Written:
    """What it predicts: values, or a probability a class. Raises Refusal for several targets."""
    if estimator.n_outputs_ != 1:
        raise Refusal(f"it predicts {estimator.n_outputs_} targets at once")
    trees = estimator.estimators_ if type(estimator) in _FORESTS else [estimator]
    width = len(estimator.classes_) if is_classifier(estimator) else 1
    forest = Forest(n_targets=width)
    for tree in trees:
        for target in range(width):
            forest.add_tree(branches(tree.tree_, tree.tree_.value[:, 0, target]), target=target)
    single = builder.through_float(source)
    name = forest.write(builder, single)
    if type(estimator) in _FORESTS:
        name = builder.add("Div", name, builder.constant(np.array(float(len(trees)))))
    edges = edges_of([t.tree_ for t in trees], estimator)
    if source in builder.sparse:  # of which they take no missing values
        edges = replace(edges, missing=False)
    return Written(name=name, width=width, edges=edges)


def branches(tree: Any, leaf_values: np.ndarray) -> list[Branch | float]:
    """A tree of scikit-learn's with these values in its leaves, (n_nodes,); rows in float32."""
    missing_left = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count, dtype=bool))
    fields = (tree.children_left, tree.children_right, tree.feature, tree.threshold, missing_left)
    return [
        float(value)
        if left < 0
        else Branch(
            feature=feature, threshold=threshold, true=left, false=right, missing_true=bool(missing)
        )
        for left, right, feature, threshold, missing, value in zip(
            *(field.tolist() for field in fields), leaf_values.tolist(), strict=True
        )
    ]


def edges_of(trees: Sequence[Any], estimator: Any) -> Edges:
    """The thresholds of all trees; a matrix with infinities is refused by scikit-learn itself."""
    found: dict[int, set[float]] = {}
    for tree in trees:
        inner = tree.children_left >= 0
        pairs = zip(tree.feature[inner].tolist(), tree.threshold[inner].tolist(), strict=True)
        for column, threshold in pairs:
            found.setdefault(column, set()).add(threshold)
    return Edges(
        thresholds={column: tuple(sorted(values)) for column, values in sorted(found.items())},
        missing=bool(getattr(estimator.__sklearn_tags__().input_tags, "allow_nan", False)),
    )
