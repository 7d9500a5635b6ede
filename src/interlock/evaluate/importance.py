"""How much a model leans on its inputs: what its metric loses when they are shuffled.

Reference: Breiman 2001, "Random Forests", section 10; Fisher, Rudin and Dominici 2019, "All models
are wrong, but many are useful", who show what is estimated: the metric's expected loss when the
input is drawn from another row. Correlated inputs share their importance, unless they are shuffled
together as a group; it says nothing of cause.

Intervals are paired bootstrap intervals over rows (or clusters of them): a resample weighs rows
alike with and without the shuffle. A shuffled row is a pair of rows, one of which lends its input
to the other, and every row is in two pairs. Resampling pairs (V₁) forgets that; weighing a pair by
how often both its rows were drawn, the one times the other, triples what belongs to the pair alone
(V₂: Owen & Eckles 2012, "Bootstrapping data arrays of arbitrary order"). With one row's effect as
receiver a, as lender b, and e of the pair, V₁ = var(a) + var(b) + var(e) and V₂ = 2·V₁ + var(a + b)
+ var(e). So V₂ − 2·V₁ is the variance of a statistic of pairs out of one sample (Hoeffding 1948, "A
class of statistics with asymptotically normal distribution"). The interval is that of V₂, narrowed
to V₂ − 2·V₁, but never below V₁. In simulation it held the true loss in 92 % of samples of 100
rows and in 94 to 95 % of 600, for squared errors, which are skewed.

>>> from interlock.evaluate.metrics import metric_named
>>> x = np.arange(200.0)
>>> rows = np.column_stack([x, x[::-1]])
>>> found = permutation_importance(
...     metric_named("mae"), x, rows, {"x": [0], "noise": [1]}, lambda rows: rows[:, 0], seed=0)
>>> found["noise"].value, found["x"].interval.low > 50
(0.0, True)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from interlock.evaluate.compare import LEVEL, Estimate
from interlock.evaluate.metrics import Metric
from interlock.stats.bootstrap import Statistic, percentile_interval, value_of
from interlock.stats.resamples import Resamples
from interlock.verdict import Interval

RESAMPLES = 500
_MOST_CELLS = 1 << 23  # of the rows scored in one call: 64 MB of float64

Floats = NDArray[np.float64]
Predict = Callable[[NDArray[Any]], Floats]


def permutation_importance(
    metric: Metric,
    y: NDArray[Any],
    rows: NDArray[Any],
    groups: Mapping[str, Sequence[int]],
    predict: Predict,
    *,
    seed: int,
    repeats: int = 1,
    clusters: ArrayLike | None = None,
    resamples: int = RESAMPLES,
) -> dict[str, Estimate]:
    """The loss of the metric for each group of columns of ``rows`` (n_rows, width), in its unit.

    A loss is positive when the metric gets worse, whichever way it is better. More rows say more
    than more ``repeats`` of the shuffle, as long as there are rows. ``predict`` gives
    (n_rows,) values or (n_rows, n_classes) probabilities; all shuffles are scored in one call, or
    in few where they are large. ``clusters`` (n_rows,) are ids of rows that depend on each other.
    """
    drawn = Resamples.of(len(y), seed=seed, clusters=clusters, count=resamples)
    random = np.random.default_rng(seed)
    pairs = [_Pairs.drawn(drawn, random) for _ in range(repeats)]
    unshuffled = metric.on(y, predict(rows))
    reference = [_measured(unshuffled, p) for p in pairs]
    found = {}
    for name, predictions in _shuffled(rows, groups, [p.order for p in pairs], predict):
        shuffled = [
            _measured(metric.on(y, prediction), p)
            for prediction, p in zip(predictions, pairs, strict=True)
        ]
        found[name] = _loss(metric, reference, shuffled, drawn)
    return found


def _shuffled(
    rows: NDArray[Any],
    groups: Mapping[str, Sequence[int]],
    orders: Sequence[NDArray[np.intp]],
    predict: Predict,
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Each group with the predictions of its shuffles, (n_orders, n_rows, …)."""
    n_rows, width = rows.shape
    at_once = max(1, _MOST_CELLS // max(1, len(orders) * n_rows * width))
    names = list(groups)
    for start in range(0, len(names), at_once):
        some = names[start : start + at_once]
        stacked = np.tile(rows, (len(some) * len(orders), 1))
        blocks = stacked.reshape(len(some), len(orders), n_rows, width)
        for i, name in enumerate(some):
            columns = np.asarray(groups[name], dtype=np.intp)
            for j, order in enumerate(orders):
                blocks[i, j][:, columns] = rows[np.ix_(order, columns)]
        predictions = predict(stacked)
        yield from zip(
            some,
            predictions.reshape(len(some), len(orders), n_rows, *predictions.shape[1:]),
            strict=True,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pairs:
    """One shuffle, in which row i borrows the input of row ``order[i]``, and its resamples.

    ``together`` weighs each pair by both its rows, ``apart`` as a whole; some resamples at a time,
    (n_resamples, n_rows).
    """

    order: NDArray[np.intp]
    together: Sequence[Floats]
    apart: Sequence[Floats]

    @classmethod
    def drawn(cls, rows: Resamples, random: np.random.Generator) -> _Pairs:
        order = random.permutation(rows.n_rows)
        pairs = replace(rows, seed=int(random.integers(2**32)))
        each = [counts[:, rows.unit_of_row] for counts in rows.chunks()]
        return cls(
            order=order,
            together=[weights * weights[:, order] for weights in each],
            apart=[counts[:, pairs.unit_of_row] for counts in pairs.chunks()],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Measured:
    """A metric on all rows, and on resamples of pairs, (n_resamples,) each."""

    value: float
    together: Floats
    apart: Floats


def _measured(statistic: Statistic | None, pairs: _Pairs) -> _Measured | None:
    """None where the metric is undefined."""
    if statistic is None:
        return None
    n = len(pairs.order)
    with np.errstate(all="ignore"):
        values = statistic.over(np.arange(n, dtype=np.intp), n)
        # copies, for a statistic may overwrite what it is given
        return _Measured(
            value=value_of(statistic, n),
            together=np.concatenate([values(weights.copy()) for weights in pairs.together]),
            apart=np.concatenate([values(weights.copy()) for weights in pairs.apart]),
        )


def _loss(
    metric: Metric,
    reference: Sequence[_Measured | None],
    shuffled: Sequence[_Measured | None],
    drawn: Resamples,
) -> Estimate:
    """The mean loss over shuffles; undefined where the metric is so with or without one of them."""
    sign = 1.0 if metric.better == "lower" else -1.0
    value, interval = math.nan, None
    both = [(r, s) for r, s in zip(reference, shuffled, strict=True) if r and s]
    if len(both) == len(shuffled):
        value = sign * float(np.mean([s.value - r.value for r, s in both]))
        interval = _interval(
            value,
            sign * np.mean([s.together - r.together for r, s in both], axis=0),
            sign * np.mean([s.apart - r.apart for r, s in both], axis=0),
        )
    if not math.isfinite(value):
        value, interval = math.nan, None
    return Estimate(value=value, interval=interval, n=drawn.n_rows, units=drawn.independent)


def _interval(value: float, together: Floats, apart: Floats) -> Interval | None:
    """Around ``value``; None where a resample is undefined."""
    if not (np.isfinite(together).all() and np.isfinite(apart).all()):
        return None
    thrice, once = float(together.var()), float(apart.var())
    narrowed = math.sqrt(max(thrice - 2 * once, once) / thrice) if thrice > 0 else 1.0
    low, high = percentile_interval(value + narrowed * (together - together.mean()), LEVEL)
    return Interval(low=low, high=high, level=LEVEL)
