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
from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Resampled:
    """A metric of one model: its ``value`` on all rows, and its ``values`` on every resample.

    ``values`` (n_resamples,) is None where the metric is undefined; ``reason`` says why it failed.
    """

    value: float
    values: Floats | None
    drawn: Resamples
    reason: str = ""

    @property
    def estimate(self) -> Estimate:
        """The value with its interval."""
        interval = None if self.values is None else interval_of(self.values)
        return replace(_estimate(self.value, interval, self.drawn), reason=self.reason)

    def minus(self, other: Resampled) -> Estimate:
        """The difference, paired: both must have seen the same resamples of the same rows."""
        apart = None
        if self.values is not None and other.values is not None:
            apart = interval_of(self.values - other.values)
        reason = self.reason or other.reason
        return replace(_estimate(self.value - other.value, apart, self.drawn), reason=reason)


def resampled(
    metrics: Sequence[Metric],
    y: Floats,
    predictions: Mapping[str, Prediction],
    drawn: Resamples,
) -> dict[tuple[str, Metric], Resampled]:
    """Every metric of every model, by the model's name and the metric, on the same resamples.

    Together they cost less than one by one. Raises ValueError for shapes.
    """
    found: dict[tuple[str, Metric], Resampled] = {}
    for count in sorted({metric.resamples for metric in metrics}):
        alike = [metric for metric in metrics if metric.resamples == count]
        found |= _together(alike, y, predictions, drawn.first(count))
    return found


def _together(
    metrics: Sequence[Metric], y: Floats, predictions: Mapping[str, Prediction], drawn: Resamples
) -> dict[tuple[str, Metric], Resampled]:
    """Of metrics that ask for as many resamples."""
    asked = [(name, metric) for name in predictions for metric in metrics]
    own = [key for key in asked if key[1].identity]  # each may fail, and alone
    found = {(name, m): _alone(m, y, predictions[name], drawn) for name, m in own}
    statistics = {(name, m): m.on(y, predictions[name]) for name, m in asked if not m.identity}
    known = {key: s for key, s in statistics.items() if s is not None}
    columns = bootstrap(list(known.values()), drawn).T if known else ()
    values = dict(zip(known, columns, strict=True))
    for key, statistic in statistics.items():
        value = _value(statistic, drawn)
        found[key] = Resampled(value=value, values=values.get(key), drawn=drawn)
    return found


def _alone(metric: Metric, y: Floats, prediction: Prediction, drawn: Resamples) -> Resampled:
    """A metric that may raise."""
    try:
        statistic = metric.on(y, prediction)
        value, values = _value(statistic, drawn), None
        if statistic is not None and math.isfinite(value):
            values = bootstrap([statistic], drawn)[:, 0]
    except InterlockError as error:
        return Resampled(value=math.nan, values=None, drawn=drawn, reason=_why(error))
    return Resampled(value=value, values=values, drawn=drawn)


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
    found = resampled(metrics, y, {"": prediction}, _resamples(y, seed, clusters, resamples))
    return tuple(found["", metric].estimate for metric in metrics)


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
    drawn = _resamples(y, seed, clusters, resamples)
    models = {"challenger": challenger, "reference": reference}
    found = resampled([metric], y, models, drawn)
    return found["challenger", metric].minus(found["reference", metric])


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


def _why(error: InterlockError) -> str:
    mistake = error.mistakes[0]
    return f"{mistake.what}: {mistake.got}" if mistake.got else mistake.what
