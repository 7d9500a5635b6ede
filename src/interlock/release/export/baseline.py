"""Baselines: one answer, or a table of answers by group, as a tree that searches the table.

Each score is a tree of its own: missing values are told apart first, then halving finds the
smallest key not below the value, and a test for equality sends what is no key to the common answer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from interlock.release.export.builder import GraphBuilder
from interlock.release.export.exported import Edges, Written
from interlock.release.export.forest import Branch, Forest
from interlock.train.baseline import FittedRule


def accepts(estimator: Any) -> bool:
    """Whether it is a fitted rule."""
    return type(estimator) is FittedRule


def write(estimator: FittedRule, builder: GraphBuilder, source: str) -> Written:
    """The answers of a fitted rule, on a matrix of its one column, or of none."""
    if not len(estimator.keys):
        return _one_answer(estimator.other, builder, source)
    known = ~np.isnan(estimator.keys)
    keys = estimator.keys[known].tolist()
    width = len(estimator.other)
    forest = Forest(n_targets=width)
    for target, other in enumerate(estimator.other.tolist()):
        scores = estimator.scores[:, target]
        missing = other if known.all() else float(scores[~known][0])
        forest.add_tree(_tree(keys, scores[known].tolist(), other, missing), target=target)
    edges = Edges(thresholds={0: tuple(keys)} if keys else {}, missing=True, infinite=True)
    name = forest.write(builder, source)
    return Written(name=name, width=width, edges=edges)


def _one_answer(scores: np.ndarray, builder: GraphBuilder, source: str) -> Written:
    """The same scores for each row of a matrix of no columns."""
    n_rows = builder.add("Shape", source, start=0, end=1)
    shape = builder.add("Concat", n_rows, builder.constant(np.ones(1, dtype=np.int64)), axis=0)
    name = builder.add("Expand", builder.constant(scores[np.newaxis, :]), shape)
    return Written(name=name, width=len(scores))


def _tree(
    keys: list[float], scores: list[float], other: float, missing: float
) -> list[Branch | float]:
    if not keys:
        return [Branch(feature=0, threshold=np.inf, true=1, false=2), other, missing]
    tree: list[Branch | float] = [
        Branch(feature=0, threshold=np.inf, true=2, false=1),
        missing,
    ]
    _search(tree, keys, scores, other, 0, len(keys))
    return tree


def _search(
    tree: list[Branch | float],
    keys: list[float],
    scores: list[float],
    other: float,
    start: int,
    stop: int,
) -> None:
    """Append the subtree that finds a value among keys[start:stop]."""
    place = len(tree)
    if stop - start == 1:
        tree += [
            Branch(feature=0, threshold=keys[start], equal=True, true=place + 1, false=place + 2),
            scores[start],
            other,
        ]
        return
    middle = (start + stop) // 2
    tree.append(0.0)  # until it is known where its second half begins
    _search(tree, keys, scores, other, start, middle)
    tree[place] = Branch(feature=0, threshold=keys[middle - 1], true=place + 1, false=len(tree))
    _search(tree, keys, scores, other, middle, stop)
