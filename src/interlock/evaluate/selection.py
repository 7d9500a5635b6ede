"""Which candidate wins: the best by the metric, or one as good that is cheaper to serve.

Candidates are ranked on the tune rows. Of those that tie with the best one the cheapest to serve
wins: what the rows cannot tell apart should not be paid for with every request. The idea is that of
the one standard error rule (Breiman, Friedman, Olshen & Stone 1984, "Classification and Regression
Trees", section 3.4.3), with a paired interval in place of one standard error.

A candidate ties when its paired difference to the best one does not exclude 0 (a bootstrap
interval, all on the same resamples) and gives away at most 5 % of the best one's value: few rows
tell little apart, and what they could not tell was measured at 1.8 points of a median error of 15 %
in the README's example. With too few rows to trust an interval, or where it is undefined, there is
no tie, and the best by the metric wins.

>>> from interlock.evaluate.metrics import metric_named
>>> rng = np.random.default_rng(0)
>>> truth = rng.uniform(100, 200, 2_000)
>>> predictions = {name: truth + rng.normal(0, 5, 2_000) for name in ("ridge", "forest")}
>>> predictions["mean"] = np.full(2_000, 150.0)
>>> found = rank(metric_named("mae"), truth, predictions, {"forest": 9, "ridge": 2, "mean": 1},
...              seed=1)
>>> [(row.name, row.tied) for row in found], winner(found)
([('forest', True), ('ridge', True), ('mean', False)], 'ridge')
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from interlock.evaluate.compare import Estimate, difference
from interlock.evaluate.metric import Metric
from interlock.evaluate.predicted import Prediction
from interlock.stats.resamples import Resamples

Floats = NDArray[np.float64]
FEWEST_ROWS = 100
"""With fewer tune rows an interval is not trusted, and no tie is called."""
FEWEST_UNITS = 30
"""The same for clusters of rows that depend on each other."""
GIVEN_AWAY = 0.05
"""At most this share of the best one's value, as measured: a champion's default margin too."""
RESAMPLES = 1_000  # half of a gate's: who wins is no verdict, and every delivery waits for it


class Cost(Protocol):
    """Anything that says which of two is cheaper."""

    def __lt__(self, other: Any, /) -> bool:
        """Whether this one is cheaper."""


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A candidate's place: its metric on the tune rows, and how it compares with the best one.

    ``difference`` is its metric minus the best one's, paired; None for the best one itself.
    ``tied``: the rows do not tell it from the best one, nor is it measured much worse; or it is
    that one. ``because`` says why it was chosen, or why not.
    """

    name: str
    value: float
    difference: Estimate | None
    tied: bool
    chosen: bool = False
    because: str = ""


def rank(
    metric: Metric,
    y: Floats,
    predictions: Mapping[str, Prediction],
    costs: Mapping[str, Cost],
    *,
    seed: int,
    clusters: ArrayLike | None = None,
) -> tuple[Ranked, ...]:
    """Every candidate with a finite metric, best first; of equals the first declared.

    y (n_rows,); predictions by candidate, (n_rows,) or (n_rows, n_classes); clusters (n_rows,) ids
    of rows that depend on each other. None is chosen where none could be ranked.
    """
    if not len(y):
        return ()
    values = {name: metric.value(y, prediction) for name, prediction in predictions.items()}
    sign = 1 if metric.better == "lower" else -1
    order = sorted(
        (n for n, v in values.items() if math.isfinite(v)), key=lambda n: sign * values[n]
    )
    if not order:
        return ()
    drawn = Resamples.of(len(y), seed=seed, clusters=clusters, count=RESAMPLES)
    enough = drawn.n_rows >= FEWEST_ROWS and drawn.independent >= FEWEST_UNITS
    best, *others = order
    found = [Ranked(name=best, value=values[best], difference=None, tied=True)]
    for name in others:
        apart = difference(
            metric, y, predictions[name], predictions[best], seed=seed, resamples=drawn
        )
        tied = enough and _holds_zero(apart) and abs(apart.value) <= GIVEN_AWAY * abs(values[best])
        found.append(Ranked(name=name, value=values[name], difference=apart, tied=tied))
    return _chosen(found, costs, len(y), enough=enough)


def winner(ranking: Sequence[Ranked]) -> str | None:
    """The candidate that was chosen; None where none could be ranked."""
    return next((row.name for row in ranking if row.chosen), None)


def _holds_zero(found: Estimate) -> bool:
    return found.interval is not None and found.interval.low <= 0 <= found.interval.high


def _chosen(
    ranking: Sequence[Ranked], costs: Mapping[str, Cost], n: int, *, enough: bool
) -> tuple[Ranked, ...]:
    """The ranking with the cheapest of the tied ones chosen; of equally cheap ones the best."""
    best = ranking[0]
    chosen = best
    for row in ranking[1:]:
        if row.tied and costs[row.name] < costs[chosen.name]:
            chosen = row
    return tuple(
        replace(row, chosen=row is chosen, because=_reason(row, best, chosen, n, enough=enough))
        for row in ranking
    )


def _reason(row: Ranked, best: Ranked, chosen: Ranked, n: int, *, enough: bool) -> str:
    if row is chosen and row is best:
        return "best on the tune rows"
    if row is chosen:
        return f"{n:,} tune rows do not tell it from {best.name}, and it is cheaper to serve"
    if row is best:
        return f"best on the tune rows, but {chosen.name} is as good and cheaper to serve"
    if row.tied:
        return f"as good as {best.name}, but not the cheapest to serve"
    if not enough:
        return f"{n:,} tune rows are too few to call a tie"
    if row.difference is not None and _holds_zero(row.difference):
        return (
            f"not told from {best.name}, but measured worse by over {GIVEN_AWAY:.0%} of its value"
        )
    return f"worse than {best.name}"
