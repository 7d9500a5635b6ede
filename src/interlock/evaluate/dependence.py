"""How a model's prediction moves with one input: its partial dependence.

Friedman 2001, "Greedy function approximation: a gradient boosting machine", section 8.2: the mean
prediction over rows when the input has the same value in all of them. The band is a 95 % bootstrap
interval of that mean over rows; beside it the deciles of the single rows' curves (individual
conditional expectations, Goldstein et al. 2015, "Peeking inside the black box"), which show where
the mean hides that rows differ. Where inputs are correlated, some of the rows made up so are unlike
any real one; it says nothing of cause.

>>> rows = np.column_stack([np.zeros(50), np.arange(50.0)])
>>> found = partial_dependence(
...     rows, [0], np.array([[0.0], [1.0]]), lambda rows: 2 * rows[:, 0] + rows[:, 1], seed=0)
>>> found.mean.tolist(), found.decile_low.tolist()
([[24.5], [26.5]], [[4.9], [6.9]])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from interlock.stats.bootstrap import Means, bootstrap, percentile_interval
from interlock.stats.resamples import Resamples

POINTS = 20
RESAMPLES = 1_000
_OUTERMOST = (0.02, 0.98)  # quantiles between which a grid lies

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class PartialDependence:
    """One value for each point of the grid and each output, (n_points, n_outputs).

    ``low`` and ``high`` are the 95 % interval of ``mean``; between ``decile_low`` and
    ``decile_high`` lie the predictions of eight rows in ten.
    """

    mean: Floats
    low: Floats
    high: Floats
    decile_low: Floats
    decile_high: Floats


def partial_dependence(
    rows: NDArray[Any],
    columns: Sequence[int],
    points: NDArray[Any],
    predict: Callable[[NDArray[Any]], Floats],
    *,
    seed: int,
    clusters: ArrayLike | None = None,
) -> PartialDependence:
    """Of the input that fills ``columns`` of ``rows`` (n_rows, width); ``points`` (n_points,
    n_columns) are its values in the same form.

    ``predict`` gives (n_rows,) values or (n_rows, n_classes) probabilities. Raises ValueError
    without rows.
    """
    drawn = Resamples.of(len(rows), seed=seed, clusters=clusters, count=RESAMPLES)
    stacked = np.tile(rows, (len(points), 1))
    stacked[:, np.asarray(columns, dtype=np.intp)] = np.repeat(points, len(rows), axis=0)
    curves = np.asarray(predict(stacked), dtype=np.float64).reshape(len(points), len(rows), -1)
    ends = [_interval(curve, drawn) for curve in curves]
    deciles = np.quantile(curves, [0.1, 0.9], axis=1)
    return PartialDependence(
        mean=curves.mean(axis=1),
        low=np.array([low for low, _ in ends]),
        high=np.array([high for _, high in ends]),
        decile_low=deciles[0],
        decile_high=deciles[1],
    )


def _interval(curve: Floats, drawn: Resamples) -> tuple[list[float], list[float]]:
    """The interval of each output's mean, from (n_rows, n_outputs)."""
    values = bootstrap([Means(column[:, None]) for column in curve.T], drawn)
    ends = [percentile_interval(column) for column in values.T]
    return [low for low, _ in ends], [high for _, high in ends]


def grid(values: NDArray[np.float64], n_points: int = POINTS) -> Floats:
    """Where to look at a number: quantiles of its values (n_rows,), NaN left out, each once.

    All values where there are no more than ``n_points``; quantiles of the distinct values where
    nearly all rows hold one and the same.

    >>> grid(np.array([1.0, 3.0, 3.0, np.nan])).tolist()
    [1.0, 3.0]
    >>> grid(np.append(np.zeros(99_000), np.arange(1_000)), 3).tolist()
    [19.0, 499.0, 979.0]
    """
    finite = values[np.isfinite(values)]
    known = np.unique(finite)
    if len(known) <= n_points:
        return known
    shares = np.linspace(*_OUTERMOST, n_points)
    found = np.unique(np.quantile(finite, shares, method="inverted_cdf"))
    return found if len(found) > 1 else np.quantile(known, shares, method="inverted_cdf")


def most_frequent(values: Sequence[Any], most: int) -> list[str]:
    """Where to look at a category: its most frequent values, ties by name; None is left out.

    >>> most_frequent(["b", "a", None, "a"], 5)
    ['a', 'b']
    """
    counts: dict[str, int] = {}
    for value in values:
        if value is not None:
            counts[value] = counts.get(value, 0) + 1
    return sorted(counts, key=lambda text: (-counts[text], text))[:most]
