"""How differently groups of people, or of anything, are answered.

A rate or a metric is measured for each group, and every two groups are compared through the same
resamples. The values are those of fairlearn's ``MetricFrame`` (Bird et al. 2020, "Fairlearn: a
toolkit for assessing and improving fairness in AI"), which is asked as well: two definitions that
disagree are an error. The largest difference over groups is never below 0 and grows by chance
alone, so its own bootstrap interval would be wrong: it is the pairs that are judged, each with its
interval, and false alarms are controlled over all of them.

Rates of classifiers are of the answered class, of two the second: ``selection_rate`` (demographic
parity: Dwork et al. 2012), ``true_positive_rate`` (equal opportunity) and ``false_positive_rate``;
both together are equalised odds (Hardt, Price & Srebro 2016).

>>> from interlock.evaluate.parts import parts_of
>>> y = np.tile([0.0, 1.0], 300)
>>> predicted = Predicted(np.column_stack([1 - y, y]), answered=y.astype(int))
>>> groups = parts_of("origin", ["EWR", "JFK"] * 300)
>>> found = by_group("selection_rate", None, y, predicted, groups, Resamples.of(600, seed=1))
>>> [(g.label, g.value) for g in found.groups]
[('EWR', 0.0), ('JFK', 1.0)]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.compare import interval_of
from interlock.evaluate.judge import Limit, judge
from interlock.evaluate.metric import Metric
from interlock.evaluate.parts import Part
from interlock.evaluate.predicted import Predicted, Prediction
from interlock.evaluate.several import Answer, Question, answered
from interlock.evaluate.slices import FEWEST_ROWS, FEWEST_UNITS, TOO_FEW, UNDEFINED, metric_values
from interlock.stats.resamples import Resamples
from interlock.stats.shares import resampled_shares
from interlock.verdict import Interval, Verdict

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
RATES = ("selection_rate", "true_positive_rate", "false_positive_rate")
_OF_TRUTH = {"true_positive_rate": 1, "false_positive_rate": 0}
"""The rows that a rate is about: those of that class. Of a selection rate it is all."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group, its rows ``n``, and the value there. One that is not judged has a ``reason``.

    ``rows`` are those that the value rests on: for a true positive rate, the positives.
    """

    label: str
    n: int
    rows: int
    units: int
    share: float
    value: float = np.nan
    interval: Interval | None = None
    reason: str = ""

    @property
    def judged(self) -> bool:
        """Whether there were rows enough, and a value."""
        return not self.reason


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two groups, the one with the higher value first.

    ``value`` is their difference, or the ratio of the lower to the higher; ``interval`` what it may
    be, whichever group is the higher in truth. FAILED is a pair shown to be beyond the limit.
    """

    higher: str
    lower: str
    rows: int
    value: float
    interval: Interval | None
    verdict: Verdict
    p: float
    q: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Groups:
    """The groups of one measure; ``resampled`` is (n_resamples, n_judged)."""

    measure: str
    groups: tuple[Group, ...]
    resampled: Floats

    @property
    def judged(self) -> tuple[Group, ...]:
        """Those with rows enough."""
        return tuple(group for group in self.groups if group.judged)

    @property
    def judged_share(self) -> float:
        """The share of rows that judged groups hold."""
        return sum(group.share for group in self.judged)


def by_group(
    measure: str,
    metric: Metric | None,
    y: Floats,
    prediction: Prediction,
    parts: Sequence[Part],
    resamples: Resamples,
) -> Groups:
    """A rate of :data:`RATES`, or a ``metric``, on every part.

    A group is judged where it has 100 rows of 30 independent units, and 30 rows that the rate is
    about. Raises ValueError for a rate of answers that are no two classes.
    """
    drawn = resamples if metric is None else resamples.first(metric.resamples)
    about = _rows_about(measure, y)
    groups = [_group(part, part.rows & about, drawn) for part in parts]
    enough = [part.rows & about for part, group in zip(parts, groups, strict=True) if group.judged]
    if metric is None:
        hits = _selected(prediction)
        own = np.array([[hits[rows].mean() for rows in enough]]).reshape(1, len(enough))
        values = np.vstack([own, resampled_shares(hits, enough, drawn)])
    else:
        values = metric_values(metric, y, prediction, enough, drawn)
    return _with_values(measure, groups, values)


def compared(found: Groups, *, limit: float, ratio: bool) -> tuple[Compared, ...]:
    """Every two judged groups.

    ``limit`` is the largest difference allowed, or, with ``ratio``, the smallest ratio. Raises
    ValueError for a ratio of values that are not all above 0.
    """
    judged = found.judged
    values = np.vstack([[g.value for g in judged], found.resampled])
    if ratio and not (values[0] > 0).all():
        raise ValueError("a ratio needs values above 0 in every group")
    pairs = [_ordered(values, *pair) for pair in combinations(range(len(judged)), 2)]
    distances = [_distance(values, high, low, ratio=ratio) for high, low in pairs]
    allowed = -np.log(limit) if ratio else limit
    questions = [
        Question(
            excess=float(d[0] - allowed),
            resampled=d[1:] - allowed,
            units=min(judged[high].units, judged[low].units),
        )
        for d, (high, low) in zip(distances, pairs, strict=True)
    ]
    bound = Limit(at_least=limit) if ratio else Limit(at_most=limit)
    return tuple(
        _compared(judged[high], judged[low], distance, answer, bound, ratio=ratio)
        for (high, low), distance, answer in zip(pairs, distances, answered(questions), strict=True)
    )


def _rows_about(measure: str, y: Floats) -> Mask:
    if measure in _OF_TRUTH:
        return np.asarray(y == _OF_TRUTH[measure])
    return np.ones(len(y), dtype=bool)


def _selected(prediction: Prediction) -> Mask:
    """Whether the positive class was answered, (n_rows,)."""
    predicted = Predicted.of(prediction)
    if predicted.answered is None or predicted.values.ndim != 2 or predicted.shape[1] != 2:
        raise ValueError("a rate needs answers of two classes")
    return np.asarray(predicted.answered == 1)


def _group(part: Part, rows: Mask, drawn: Resamples) -> Group:
    n, units = part.n, drawn.independent_in(rows)
    few = n < FEWEST_ROWS or units < FEWEST_UNITS
    return Group(
        label=part.label,
        n=n,
        rows=int(rows.sum()),
        units=units,
        share=part.share,
        reason=TOO_FEW if few else "",
    )


def _with_values(measure: str, groups: Sequence[Group], values: Floats) -> Groups:
    """The groups with their values (1 + n_resamples, n_judged); an undefined one is not judged."""
    places = iter(range(values.shape[1]))
    found, kept = [], []
    for group in groups:
        if not group.judged:
            found.append(group)
            continue
        place = next(places)
        interval = interval_of(values[1:, place])
        if interval is None or not np.isfinite(values[0, place]):
            found.append(replace(group, reason=UNDEFINED))
            continue
        kept.append(place)
        found.append(replace(group, value=float(values[0, place]), interval=interval))
    return Groups(measure=measure, groups=tuple(found), resampled=values[1:, kept])


def _ordered(values: Floats, first: int, second: int) -> tuple[int, int]:
    """The two places, the one with the higher value first."""
    return (first, second) if values[0, first] >= values[0, second] else (second, first)


def _distance(values: Floats, high: int, low: int, *, ratio: bool) -> Floats:
    """How far apart, (1 + n_resamples,): a difference, or the logarithm of a ratio above 1."""
    if not ratio:
        return values[:, high] - values[:, low]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(values[:, high]) - np.log(values[:, low])


def _compared(
    high: Group, low: Group, distance: Floats, answer: Answer, limit: Limit, *, ratio: bool
) -> Compared:
    value, interval = float(distance[0]), _folded(interval_of(distance[1:]))
    if ratio:
        value = float(np.exp(-value))
        if interval is not None:
            interval = Interval(
                low=float(np.exp(-interval.high)), high=float(np.exp(-interval.low))
            )
    verdict = judge(interval, limit)
    if verdict is Verdict.FAILED and answer.verdict is not Verdict.FAILED:
        verdict = Verdict.INCONCLUSIVE
    return Compared(
        higher=high.label,
        lower=low.label,
        rows=high.rows + low.rows,
        value=value,
        interval=interval,
        verdict=verdict,
        p=answer.p,
        q=answer.q,
    )


def _folded(ends: Interval | None) -> Interval | None:
    """The interval of a distance's size: where it crosses 0, either group may be the higher."""
    if ends is None:
        return None
    crosses = ends.low <= 0 <= ends.high
    sizes = sorted((abs(ends.low), abs(ends.high)))
    return Interval(low=0.0 if crosses else sizes[0], high=sizes[1], level=ends.level)


def fairlearn_values(
    measure: str, metric: Metric | None, y: Floats, prediction: Prediction, parts: Sequence[Part]
) -> dict[str, float]:
    """The same measure of each part, by fairlearn's own code and grouping."""
    # slow, and only where fairness is asked for
    import fairlearn.metrics  # type: ignore[import-untyped] # noqa: PLC0415

    numbers = np.flatnonzero(np.any([part.rows for part in parts], axis=0))
    labels = np.full(len(y), "", dtype=object)
    for part in parts:
        labels[part.rows] = part.label
    if metric is None:
        function = getattr(fairlearn.metrics, measure)
        truth, said = y.astype(int), _selected(prediction).astype(int)
    else:
        truth = said = np.arange(len(y))

        def function(rows: Any, _: Any) -> float:
            chosen = np.asarray(rows)
            return metric.value(y[chosen], prediction[chosen])

    frame = fairlearn.metrics.MetricFrame(
        metrics=function,
        y_true=truth[numbers],
        y_pred=said[numbers],
        sensitive_features=labels[numbers],
    )
    return {str(label): float(value) for label, value in frame.by_group.items()}
