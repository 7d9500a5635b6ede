"""scikit-learn's HistGradientBoosting regressors and classifiers, to the bit.

What had to be heeded:

* its baseline is the first, constant tree, because scikit-learn starts the sum from it;
* infinite thresholds are kept: they separate missing values from all others;
* its own category encoder stays outside the graph. It puts the categorical columns first and maps
  every value it does not know to missing. So each categorical split tests membership of the side
  to which missing values do *not* go: unknown codes and NaN then take the same way as there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from interlock.release.export.builder import GraphBuilder
from interlock.release.export.exported import Edges, Refusal, Written
from interlock.release.export.forest import Branch, Forest

# losses whose raw scores interlock.train.raw can read
_LOSSES = frozenset(
    {
        "AbsoluteError",
        "HalfBinomialLoss",
        "HalfGammaLoss",
        "HalfMultinomialLoss",
        "HalfPoissonLoss",
        "HalfSquaredError",
        "PinballLoss",
    }
)


def accepts(estimator: Any) -> bool:
    """Whether this module knows the estimator's exact class; a subclass may predict otherwise."""
    return type(estimator) in (HistGradientBoostingRegressor, HistGradientBoostingClassifier)


def write(estimator: Any, builder: GraphBuilder, source: str) -> Written:
    """The trees of a fitted estimator; raises Refusal for a loss or category it cannot match."""
    loss = type(estimator._loss).__name__
    if loss not in _LOSSES:
        raise Refusal(f"the loss {loss} has no known link")
    columns, categories = _columns(estimator)
    baseline = np.ravel(estimator._baseline_prediction)
    forest = Forest(n_targets=len(baseline))
    for target, value in enumerate(baseline):
        forest.add_constant(value, target=target)
    thresholds: dict[int, set[float]] = {}
    for iteration in estimator._predictors:
        for target, predictor in enumerate(iteration):
            tree = _tree(predictor, columns, categories)
            forest.add_tree(tree, target=target)
            _collect(tree, thresholds)
    edges = Edges(
        thresholds={column: tuple(sorted(values)) for column, values in sorted(thresholds.items())},
        codes={column: tuple(codes.tolist()) for column, codes in sorted(categories.items())},
        missing=True,
        infinite=True,
    )
    name = forest.write(builder, source)
    return Written(name=name, width=len(baseline), edges=edges)


def _columns(estimator: Any) -> tuple[list[int], dict[int, np.ndarray]]:
    """The matrix column of each of the model's features, and the codes of the categorical ones."""
    n_columns = estimator.n_features_in_
    if estimator._preprocessor is None:
        return list(range(n_columns)), {}
    categorical = np.flatnonzero(estimator.is_categorical_)
    numeric = np.flatnonzero(~np.asarray(estimator.is_categorical_))
    encoder = estimator._preprocessor.named_transformers_["encoder"]
    codes = {
        int(column): _codes(int(column), values)
        for column, values in zip(categorical, encoder.categories_, strict=True)
    }
    return [int(column) for column in (*categorical, *numeric)], codes


def _codes(column: int, values: np.ndarray) -> np.ndarray:
    """The known codes of one column in the estimator's order, missing left out."""
    codes = np.asarray(values)
    if codes.dtype.kind not in "fiu":
        raise Refusal(f"column {column} holds categories that are not numbers")
    numbers = codes.astype(np.float64)
    return numbers[~np.isnan(numbers)]


def _tree(
    predictor: Any, columns: list[int], categories: dict[int, np.ndarray]
) -> list[Branch | float]:
    nodes = predictor.nodes
    bitsets = predictor.raw_left_cat_bitsets
    fields = [nodes[name].tolist() for name in ("feature_idx", "num_threshold", "left", "right")]
    flags = [nodes[name].tolist() for name in ("missing_go_to_left", "is_leaf", "is_categorical")]
    values, rows = nodes["value"].tolist(), nodes["bitset_idx"].tolist()
    tree: list[Branch | float] = []
    for i, (feature, threshold, left, right) in enumerate(zip(*fields, strict=True)):
        missing_left, is_leaf, is_categorical = (flag[i] for flag in flags)
        if is_leaf:
            tree.append(values[i])
            continue
        column = columns[feature]
        if is_categorical:
            in_left = _bits(bitsets[rows[i]])
            tree.append(_categorical(column, in_left, left, right, missing_left, categories))
        else:
            tree.append(
                Branch(
                    feature=column,
                    threshold=threshold,
                    true=left,
                    false=right,
                    missing_true=bool(missing_left),
                )
            )
    return tree


def _bits(bitset: np.ndarray) -> np.ndarray:
    """The bits of whole words, (32 × n_words,), the least of each first."""
    return np.unpackbits(bitset.astype("<u4").view(np.uint8), bitorder="little").view(np.bool_)


def _categorical(
    column: int,
    in_left: np.ndarray,
    left: int,
    right: int,
    missing_left: bool,
    categories: dict[int, np.ndarray],
) -> Branch:
    """Membership of the side to which neither missing nor unknown values go."""
    codes = categories[column]
    members = tuple(codes[in_left[: len(codes)] != bool(missing_left)].tolist())
    true, false = (right, left) if missing_left else (left, right)
    return Branch(feature=column, members=members, true=true, false=false)


def _collect(tree: list[Branch | float], thresholds: dict[int, set[float]]) -> None:
    for item in tree:
        if isinstance(item, Branch) and item.members is None:
            thresholds.setdefault(item.feature, set()).add(item.threshold)
