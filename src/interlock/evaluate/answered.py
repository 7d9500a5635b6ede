"""How good the answered classes are, at whatever threshold they were decided.

Truth is (n_rows,) class indices as floats; ``answered`` (n_rows,) indices among ``n_classes``. With
two classes precision, recall and F are the second's; with more they are averages over classes:
plain (macro), or weighted by how many rows each class has. None where an index is out of range; NaN
where a share is of nothing: a precision where that class was never answered, a recall where it
never was true.

>>> from interlock.stats.bootstrap import value_of
>>> truth, answered = np.array([0.0, 1.0, 1.0, 0.0]), np.array([1, 1, 0, 0])
>>> [value_of(f(truth, answered, 2), 4) for f in (accuracy, precision, recall, f_beta)]
[0.5, 0.5, 0.5, 0.5]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from interlock.stats.bootstrap import Means, Statistic

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
OfCounts = Callable[[Floats, Floats, Floats], Floats]


def accuracy(y: Floats, answered: Indices, n_classes: int) -> Statistic | None:
    """The share of rows whose answered class is the true one."""
    if not _valid(y, answered, n_classes):
        return None
    return Means((answered == y).astype(np.float64)[:, None])


def precision(
    y: Floats, answered: Indices, n_classes: int, *, weighted: bool = False
) -> Statistic | None:
    """The share of those answered a class to whom it belongs."""
    return _over_classes(_precision, y, answered, n_classes, weighted)


def recall(
    y: Floats, answered: Indices, n_classes: int, *, weighted: bool = False
) -> Statistic | None:
    """The share of a class's rows that were answered it."""
    return _over_classes(_recall, y, answered, n_classes, weighted)


def f_beta(
    y: Floats, answered: Indices, n_classes: int, beta: float = 1.0, *, weighted: bool = False
) -> Statistic | None:
    """The harmonic mean of precision and recall, recall weighing ``beta`` times as much.

    Van Rijsbergen (1979), "Information Retrieval", chapter 7.
    """

    def f(hits: Floats, said: Floats, true: Floats) -> Floats:
        return (1 + beta**2) * hits / (beta**2 * true + said)

    return _over_classes(f, y, answered, n_classes, weighted)


def cost(y: Floats, answered: Indices, costs: Sequence[Sequence[float]]) -> Statistic | None:
    """The mean of ``costs[true class][answered class]``: what a prediction costs on average."""
    matrix = np.asarray(costs, dtype=np.float64)
    if not _valid(y, answered, len(matrix)):
        return None
    return Means(matrix[y.astype(np.intp), answered][:, None])


def _precision(hits: Floats, said: Floats, true: Floats) -> Floats:
    return hits / said


def _recall(hits: Floats, said: Floats, true: Floats) -> Floats:
    return hits / true


def _over_classes(
    of_counts: OfCounts, y: Floats, answered: Indices, n_classes: int, weighted: bool
) -> Statistic | None:
    """``of_counts`` takes hits, rows answered and rows true, (n_resamples, n_classes) each."""
    if not _valid(y, answered, n_classes):
        return None
    classes = np.arange(1, 2) if n_classes == 2 else np.arange(n_classes)
    true, said = y[:, None] == classes, answered[:, None] == classes
    columns = np.hstack([true & said, said, true]).astype(np.float64)

    def final(means: Floats) -> Floats:
        hits, answers, truths = np.split(means, 3, axis=1)
        each = of_counts(hits, answers, truths)
        if not weighted:
            return np.asarray(each.mean(axis=1))
        return np.asarray(np.where(truths > 0, each * truths, 0.0).sum(axis=1))

    return Means(columns, final)


def _valid(y: Floats, answered: Indices, n_classes: int) -> bool:
    known = (y == np.floor(y)) & (y >= 0) & (y < n_classes)
    return bool(known.all() and ((answered >= 0) & (answered < n_classes)).all())
