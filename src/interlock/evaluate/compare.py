"""A metric with its interval, for one model or for the difference of two on the same rows.

Intervals are 95 % percentile bootstrap intervals over 2,000 resamples of rows, or of clusters of
rows that depend on each other. Both models of a difference see the same resampled rows.

Invariant: where the metric or its interval is undefined, or a metric of one's own fails,
``interval`` is None, which :func:`interlock.evaluate.judge.judge` turns into an error.

>>> from interlock.evaluate.metrics import metric_named
>>> rng = np.random.default_rng(0)
>>> truth = rng.uniform(100, 200, 500)
>>> good, poor = truth + rng.normal(0, 5, 500), truth + rng.normal(0, 9, 500)
>>> found = difference(metric_named("mae"), truth, good, poor, seed=1)
>>> found.interval.high < 0
True
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from interlock.errors import InterlockError
from interlock.evaluate.judge import Limit
from interlock.evaluate.metric import Metric
from interlock.evaluate.predicted import Prediction
from interlock.stats.bootstrap import Statistic, bootstrap, percentile_interval, value_of
from interlock.stats.resamples import RESAMPLES, Resamples
from interlock.verdict import Interval

Floats = NDArray[np.float64]
LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A measured value, its interval, and the rows and independent units it rests on.

    ``resamples`` is how many the interval was found by; ``reason`` says why there is no value.
    """

    value: float
    interval: Interval | None
    n: int
    units: int
    resamples: int = RESAMPLES
    reason: str = ""


def estimates(
    metrics: Sequence[Metric],
    y: Floats,
    prediction: Prediction,
    *,
    seed: int,
    clusters: ArrayLike | None = None,
    resamples: Resamples | None = None,
) -> tuple[Estimate, ...]:
    """One estimate a metric, all on the same resamples: four cost little more than one.

    y (n_rows,); prediction (n_rows,) or (n_rows, n_classes); clusters (n_rows,) ids. ``resamples``
    of the same rows may be handed in to save drawing them again. Raises ValueError for shapes.
    """
    drawn = _resamples(y, seed, clusters, resamples)
    found: dict[str, Estimate] = {}
    for count in sorted({metric.resamples for metric in metrics}):
        alike = [metric for metric in metrics if metric.resamples == count]
        found |= _together(alike, y, prediction, drawn.first(count))
    return tuple(found[metric.name] for metric in metrics)


def _together(
    metrics: Sequence[Metric], y: Floats, prediction: Prediction, drawn: Resamples
) -> dict[str, Estimate]:
    """By name, the estimates of metrics that ask for as many resamples."""
    own = [metric for metric in metrics if metric.identity]  # each may fail, and alone
    found = {metric.name: _alone(metric, y, prediction, drawn) for metric in own}
    others = [metric for metric in metrics if not metric.identity]
    statistics = {metric.name: metric.on(y, prediction) for metric in others}
    known = {name: s for name, s in statistics.items() if s is not None}
    columns = bootstrap(list(known.values()), drawn).T if known else ()
    intervals = dict(zip(known, map(interval_of, columns), strict=True))
    for name, statistic in statistics.items():
        found[name] = _estimate(_value(statistic, drawn), intervals.get(name), drawn)
    return found


def _alone(metric: Metric, y: Floats, prediction: Prediction, drawn: Resamples) -> Estimate:
    """The estimate of a metric that may raise."""
    try:
        statistic = metric.on(y, prediction)
        value = _value(statistic, drawn)
        interval = None
        if statistic is not None and math.isfinite(value):
            interval = interval_of(bootstrap([statistic], drawn)[:, 0])
    except InterlockError as error:
        return _failed(error, drawn)
    return _estimate(value, interval, drawn)


def estimate(
    metric: Metric,
    y: Floats,
    prediction: Prediction,
    *,
    seed: int,
    clusters: ArrayLike | None = None,
    resamples: Resamples | None = None,
) -> Estimate:
    """The metric of one model; arguments as in :func:`estimates`."""
    return estimates([metric], y, prediction, seed=seed, clusters=clusters, resamples=resamples)[0]


def difference(
    metric: Metric,
    y: Floats,
    challenger: Prediction,
    reference: Prediction,
    *,
    seed: int,
    clusters: ArrayLike | None = None,
    resamples: Resamples | None = None,
) -> Estimate:
    """The challenger's metric minus the reference's, paired; arguments as in :func:`estimates`.

    For a metric where lower is better, a negative difference is an improvement.
    """
    drawn = _resamples(y, seed, clusters, resamples).first(metric.resamples)
    try:
        pair = metric.on(y, challenger), metric.on(y, reference)
        value = _value(pair[0], drawn) - _value(pair[1], drawn)
        return _estimate(value, _paired_interval(pair, drawn), drawn)
    except InterlockError as error:
        return _failed(error, drawn)


def rows_needed(found: Estimate, limit: Limit) -> int | None:
    """About how many rows would make an inconclusive estimate conclusive; None if that is unknown.

    The distance of the interval's end from the value shrinks with 1/√n; the value is taken to stay.

    >>> doubtful = Estimate(value=1.0, interval=Interval(low=0.0, high=2.0), n=100, units=100)
    >>> rows_needed(doubtful, Limit(at_most=1.5))
    400
    """
    if found.interval is None or not math.isfinite(found.value):
        return None
    needed = [_rows_to(end, found, found.interval) for end in limit.ends]
    known = [rows for rows in needed if rows is not None]
    if len(known) < len(needed):
        return None
    return max(known) if limit.holds(found.value) else min(known)


def _rows_to(end: float, found: Estimate, interval: Interval) -> int | None:
    """About how many rows would keep the interval on the value's side of one end of a limit."""
    toward_high = found.value <= end
    half = interval.high - found.value if toward_high else found.value - interval.low
    room = abs(end - found.value)
    if room == 0 or not math.isfinite(half / room):
        return None
    return max(found.n + 1, math.ceil(found.n * (half / room) ** 2))


def _resamples(
    y: Floats, seed: int, clusters: ArrayLike | None, given: Resamples | None
) -> Resamples:
    if given is None:
        return Resamples.of(len(y), seed=seed, clusters=clusters)
    if given.n_rows != len(y):
        raise ValueError(f"resamples of {given.n_rows} rows do not fit {len(y)} rows")
    return given


def _value(statistic: Statistic | None, drawn: Resamples) -> float:
    with np.errstate(all="ignore"):
        return math.nan if statistic is None else value_of(statistic, drawn.n_rows)


def _paired_interval(
    pair: tuple[Statistic | None, Statistic | None], drawn: Resamples
) -> Interval | None:
    challenger, reference = pair
    if challenger is None or reference is None:
        return None
    values = bootstrap([challenger, reference], drawn)
    return interval_of(values[:, 0] - values[:, 1])


def interval_of(values: Floats) -> Interval | None:
    """The 95 % interval of resampled ``values`` (n_resamples,); None where an end is undefined."""
    low, high = percentile_interval(values, LEVEL)
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    return Interval(low=low, high=high, level=LEVEL)


def _estimate(value: float, interval: Interval | None, drawn: Resamples) -> Estimate:
    """An undefined value has no interval, whatever its resamples say."""
    if not math.isfinite(value):
        value, interval = math.nan, None
    return Estimate(
        value=value,
        interval=interval,
        n=drawn.n_rows,
        units=drawn.independent,
        resamples=drawn.count,
    )


def _failed(error: InterlockError, drawn: Resamples) -> Estimate:
    mistake = error.mistakes[0]
    reason = f"{mistake.what}: {mistake.got}" if mistake.got else mistake.what
    return replace(_estimate(math.nan, None, drawn), reason=reason)
