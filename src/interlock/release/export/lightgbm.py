"""LightGBM regressors and classifiers, to the bit, read from the text of the model.

What had to be heeded (the text, because the JSON dump writes infinite thresholds as 1e300):

* LightGBM reads every |x| ≤ 1e-35 (as a float32) as zero, so a threshold inside that band moves to
  the edge of the band on the side where comparisons stay the same;
* missing type None reads NaN as zero, so NaN goes left where zero does;
* missing type Zero treats zero and NaN alike: such columns have zeros made NaN before the trees;
* a categorical split sends the members left, all else and NaN right; a code is first cut towards
  zero, so that 1.5 is 1 and -0.5 is 0;
* the first tree already holds the average it starts from;
* the boosting type rf divides the sum by the number of its rounds.

LightGBM itself is never imported here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from interlock.release.export.builder import GraphBuilder
from interlock.release.export.exported import Edges, Refusal, Written
from interlock.release.export.forest import Branch, Forest

_ZERO = float(np.float32(1e-35))
_BELOW_ZERO = float(np.nextafter(-_ZERO, -np.inf))
_CATEGORICAL, _DEFAULT_LEFT = 1, 2  # bits of decision_type; the next two are the missing type
_MISSING_NONE, _MISSING_ZERO = 0, 1
# objectives whose raw scores interlock.train.raw can read
_OBJECTIVES = frozenset(
    {
        "binary",
        "fair",
        "gamma",
        "huber",
        "mape",
        "multiclass",
        "poisson",
        "quantile",
        "regression",
        "regression_l1",
        "tweedie",
    }
)


def accepts(estimator: Any) -> bool:
    """Whether the estimator is one of LightGBM's own scikit-learn classes, fitted."""
    kind = type(estimator)
    return kind.__module__ == "lightgbm.sklearn" and kind.__name__ in (
        "LGBMRegressor",
        "LGBMClassifier",
    )


def write(estimator: Any, builder: GraphBuilder, source: str) -> Written:
    """The trees of a fitted estimator; raises Refusal for what cannot be matched."""
    return write_text(text_of(estimator), builder, source)


def text_of(estimator: Any) -> str:
    """The model's own text format, cut at the best iteration where early stopping found one."""
    text: str = estimator.booster_.model_to_string(importance_type="split")
    return text


def portable_text(estimator: Any) -> str:
    """The text without its parameters, which name threads and paths and are not needed to score."""
    return text_of(estimator).partition("\nparameters:\n")[0] + "\n"


def write_text(text: str, builder: GraphBuilder, source: str) -> Written:
    """The trees of a model given in LightGBM's text format."""
    header, trees = _parse(text)
    _check(header, text)
    n_columns = int(header["max_feature_idx"]) + 1
    n_targets = int(header["num_tree_per_iteration"])
    forest = Forest(n_targets=n_targets, truncates=True)
    missing: dict[int, set[int]] = {}
    thresholds: dict[int, set[float]] = {}
    codes: dict[int, set[float]] = {}
    for index, fields in enumerate(trees):
        tree = _tree(fields, missing)
        forest.add_tree(tree, target=index % n_targets)
        _collect(tree, thresholds, codes)
    if not trees:
        raise Refusal("the model has no trees")
    zeros = _zero_columns(missing)
    seen = _blank_zeros(builder, source, zeros, n_columns)
    name = forest.write(builder, seen)
    if "average_output" in header:  # boosting type rf
        name = builder.add("Div", name, builder.constant(np.array(len(trees) / n_targets)))
    for values in thresholds.values():
        values.update((0.0, -_ZERO, _ZERO))
    edges = Edges(
        thresholds={column: tuple(sorted(v)) for column, v in sorted(thresholds.items())},
        codes={column: tuple(sorted(v)) for column, v in sorted(codes.items())},
        missing=True,
        infinite=True,
    )
    return Written(name=name, width=n_targets, edges=edges)


def _parse(text: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The header and each tree, as they stand before "end of trees"."""
    blocks: list[dict[str, str]] = [{}]
    for line in text.splitlines():
        if line == "end of trees":
            break
        key, _, value = line.partition("=")
        if key == "Tree":
            blocks.append({})
        if key:
            blocks[-1][key] = value
    return blocks[0], blocks[1:]


def _check(header: Mapping[str, str], text: str) -> None:
    """Refuse a model whose raw scores are not plain sums of leaves under a known objective."""
    category_lines = [s for s in text.splitlines() if s.startswith("pandas_categorical:")]
    if any(
        line not in ("pandas_categorical:null", "pandas_categorical:[]") for line in category_lines
    ):
        raise Refusal("the model maps pandas categories by itself")
    objective, *options = header.get("objective", "").split() or [""]
    if objective not in _OBJECTIVES:
        raise Refusal(f"the objective {objective or '(none)'!r} has no known link")
    odd = [o for o in options if o != "sigmoid:1" and not o.startswith("num_class:")]
    if objective not in ("binary", "multiclass"):
        odd = [o for o in options if o == "sqrt"]
    if odd:
        raise Refusal(f"the objective's option {' '.join(odd)!r} changes how scores are read")


def _tree(fields: Mapping[str, str], missing: dict[int, set[int]]) -> list[Branch | float]:
    """One tree as branches and leaves; notes each column's missing types in ``missing``."""
    if fields.get("is_linear", "0") != "0":
        raise Refusal("linear trees have a regression in each leaf")
    leaves = _floats(fields["leaf_value"])
    if int(fields["num_leaves"]) == 1:
        return [leaves[0]]
    features, decisions = _ints(fields["split_feature"]), _ints(fields["decision_type"])
    thresholds = _floats(fields["threshold"])
    lefts, rights = _ints(fields["left_child"]), _ints(fields["right_child"])
    sets = _category_sets(fields)
    tree: list[Branch | float] = []
    for feature, decision, threshold, left, right in zip(
        features, decisions, thresholds, lefts, rights, strict=True
    ):
        true, false = _place(left, len(features)), _place(right, len(features))
        if decision & _CATEGORICAL:
            members = sets[int(threshold)]
            tree.append(Branch(feature=feature, members=members, true=true, false=false))
            continue
        kind = decision >> 2 & 3
        missing.setdefault(feature, set()).add(kind)
        tree.append(
            Branch(
                feature=feature,
                threshold=_outside_zero(threshold),
                true=true,
                false=false,
                missing_true=threshold >= 0
                if kind == _MISSING_NONE
                else bool(decision & _DEFAULT_LEFT),
            )
        )
    return [*tree, *leaves]


def _place(child: int, n_branches: int) -> int:
    """A child's place in our list, where leaves follow branches; they are given as ~index."""
    return child if child >= 0 else n_branches + ~child


def _outside_zero(threshold: float) -> float:
    """The threshold at which plain comparison agrees with LightGBM's reading of tiny values."""
    if -_ZERO <= threshold < 0:
        return _BELOW_ZERO
    if 0 <= threshold < _ZERO:
        return _ZERO
    return threshold


def _category_sets(fields: Mapping[str, str]) -> list[tuple[float, ...]]:
    """The members of each categorical split of a tree, from its bit sets of 32-bit words."""
    if int(fields.get("num_cat", "0")) == 0:
        return []
    bounds, words = _ints(fields["cat_boundaries"]), _ints(fields["cat_threshold"])
    return [
        tuple(
            float(32 * offset + bit)
            for offset, word in enumerate(words[start:stop])
            for bit in range(32)
            if word >> bit & 1
        )
        for start, stop in pairwise(bounds)
    ]


def _zero_columns(missing: Mapping[int, set[int]]) -> list[int]:
    mixed = [column for column, kinds in missing.items() if len(kinds) > 1]
    if mixed:
        raise Refusal(f"columns {mixed} treat missing values differently from node to node")
    return sorted(column for column, kinds in missing.items() if _MISSING_ZERO in kinds)


def _blank_zeros(builder: GraphBuilder, source: str, columns: Sequence[int], n_columns: int) -> str:
    """The matrix with zeros of these columns turned into NaN."""
    if not columns:
        return source
    bounds = np.full((1, n_columns), -1.0)
    bounds[0, list(columns)] = _ZERO
    is_zero = builder.add("LessOrEqual", builder.add("Abs", source), builder.constant(bounds))
    return builder.add("Where", is_zero, builder.constant(np.array(np.nan)), source)


def _collect(
    tree: Sequence[Branch | float],
    thresholds: dict[int, set[float]],
    codes: dict[int, set[float]],
) -> None:
    for item in tree:
        if isinstance(item, Branch):
            if item.members is None:
                thresholds.setdefault(item.feature, set()).add(item.threshold)
            else:
                codes.setdefault(item.feature, set()).update(item.members)


def _ints(text: str) -> list[int]:
    return [int(part) for part in text.split()]


def _floats(text: str) -> list[float]:
    return [float(part) for part in text.split()]
