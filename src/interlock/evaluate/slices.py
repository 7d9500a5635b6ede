"""How good a model is on parts of the rows, and where it is shown to be worse than allowed.

What is allowed in a part is a limit, or a margin beyond a reference: the model on all rows, or
another model on the same part. A part of fewer than 100 rows, or 30 independent units, is counted
but not judged: its interval would say nothing. All parts are seen through the same resamples, so
part and reference are compared in pairs, and false alarms are controlled over all parts together
(:mod:`interlock.evaluate.several`).

Invariant: a part on which the metric is undefined is not judged.

>>> from interlock.evaluate.metrics import metric_named
>>> from interlock.evaluate.parts import parts_of
>>> truth = np.linspace(1.0, 2.0, 600)
>>> wrong = np.where(np.arange(600) < 200, 0.5, 0.1) * np.tile([0.9, 1.1], 300)
>>> where = ["hill"] * 200 + ["town"] * 390 + ["lake"] * 10
>>> drawn = Resamples.of(600, seed=1)
>>> rule = Rule(limit=0.3)
>>> for part in sliced(metric_named("mae"), truth, truth + wrong, parts_of("where", where), drawn,
...                    rule):
...     print(part.label, part.n, part.verdict.value if part.judged else part.reason)
town 390 passed
hill 200 failed
lake 10 too few
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.compare import interval_of
from interlock.evaluate.metrics import Metric
from interlock.evaluate.parts import Part
from interlock.evaluate.predicted import Prediction
from interlock.evaluate.several import Answer, Question, answered
from interlock.stats.bootstrap import bootstrap_parts, value_of
from interlock.stats.resamples import Resamples
from interlock.verdict import Interval, Verdict

Floats = NDArray[np.float64]
FEWEST_ROWS = 100
FEWEST_UNITS = 30
TOO_FEW = "too few"
UNDEFINED = "undefined"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What is allowed in a part: ``limit``, or ``margin`` beyond the reference's value.

    A ``relative`` margin is a share of the reference's value.
    """

    limit: float | None = None
    margin: float = 0.0
    relative: bool = False

    def allowed(self, reference: Floats, sign: float) -> Floats:
        """What is allowed beside ``reference`` values; ``sign`` is 1 where lower is better."""
        if self.limit is not None:
            return np.full(reference.shape, self.limit)
        margin = self.margin * np.abs(reference) if self.relative else self.margin
        return reference + sign * margin


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One part of the rows: the metric there, what is allowed, and whether that is exceeded.

    ``share`` is the part of all rows that lie in it. ``value``, its ``interval`` and ``allowed``
    are in the metric's unit, and ``reference`` is what ``allowed`` was made of. ``compared`` is the
    interval to hold against ``allowed``: that of the value where ``allowed`` is a fixed limit, else
    that of the paired difference to it; ``glyph`` says on which side it must lie. A part that was
    not ``judged`` has a ``reason`` instead.
    """

    column: str
    label: str
    n: int
    share: float
    units: int
    verdict: Verdict = Verdict.INCONCLUSIVE
    value: float = math.nan
    interval: Interval | None = None
    reference: float | None = None
    allowed: float = math.nan
    glyph: str = ""
    compared: Interval | None = None
    p: float = 1.0
    q: float = 1.0
    reason: str = ""

    @property
    def judged(self) -> bool:
        """Whether there were rows enough, and a value."""
        return not self.reason

    @property
    def named(self) -> str:
        """Column and label, as people read them."""
        return f"{self.column} = {self.label}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """What was measured of k parts, each array (1 + n_resamples, k): the rows', then resamples'.

    ``sign`` (k,) is 1 where a value above what is allowed is worse, −1 where one below is.
    """

    own: Floats
    allowed: Floats
    sign: Floats
    reference: Floats | None = None


def sliced(
    metric: Metric,
    y: Floats,
    prediction: Prediction,
    parts: Sequence[Part],
    resamples: Resamples,
    rule: Rule,
    *,
    other: Prediction | None = None,
) -> tuple[Slice, ...]:
    """The metric on every part, judged by ``rule``.

    ``resamples`` are of all rows; ``other`` is the prediction of the model that a margin refers to,
    the model itself on all rows where it is None. Raises ValueError for shapes that do not fit.
    """
    drawn = resamples.first(metric.resamples)
    sign = 1.0 if metric.better == "lower" else -1.0

    def measure(enough: Sequence[Part]) -> Measured:
        rows = [part.rows for part in enough]
        asked = [(prediction, part) for part in rows]
        if rule.limit is None and other is not None:
            asked += [(other, part) for part in rows]
        elif rule.limit is None:
            asked += [(prediction, np.ones(len(y), dtype=bool))]
        values = _resampled(metric, y, asked, drawn)
        own, reference = values[:, : len(rows)], values[:, len(rows) :]
        if rule.limit is not None:
            reference = own
        reference = np.broadcast_to(reference, own.shape)
        return Measured(
            own=own,
            allowed=rule.allowed(reference, sign),
            sign=np.full(len(rows), sign),
            reference=None if rule.limit is not None else reference,
        )

    return judged_parts(parts, drawn, measure)


def judged_parts(
    parts: Sequence[Part],
    resamples: Resamples,
    measure: Callable[[Sequence[Part]], Measured],
) -> tuple[Slice, ...]:
    """Every part judged, those with too few rows aside, false alarms controlled over all.

    ``measure`` is asked once, for the parts that have enough.
    """
    known = [_known(part, resamples) for part in parts]
    measured = measure([part for part, s in zip(parts, known, strict=True) if s.judged])
    places = iter(range(measured.own.shape[1]))
    found = [_measured(s, measured, next(places)) if s.judged else (s, None) for s in known]
    answers = iter(answered([question for _, question in found if question is not None]))
    return tuple(s if question is None else _with(s, next(answers)) for s, question in found)


def _known(part: Part, resamples: Resamples) -> Slice:
    """What is known of a part before anything is measured; a reason where nothing can be."""
    n, units = part.n, resamples.independent_in(part.rows)
    return Slice(
        column=part.column,
        label=part.label,
        n=n,
        share=part.share,
        units=units,
        reason=TOO_FEW if n < FEWEST_ROWS or units < FEWEST_UNITS else "",
    )


def _measured(known: Slice, measured: Measured, place: int) -> tuple[Slice, Question | None]:
    """The part with its numbers, and the question whether it is beyond what is allowed."""
    own, allowed = measured.own[:, place], measured.allowed[:, place]
    sign = float(measured.sign[place])
    beyond = sign * (own - allowed)
    interval = interval_of(own[1:])
    if interval is None or not np.isfinite(beyond[0]) or interval_of(beyond[1:]) is None:
        return replace(known, reason=UNDEFINED), None
    reference = measured.reference
    known = replace(
        known,
        value=float(own[0]),
        interval=interval,
        reference=None if reference is None else float(reference[0, place]),
        allowed=float(allowed[0]),
        glyph="≤" if sign > 0 else "≥",
    )
    return known, Question(excess=float(beyond[0]), resampled=beyond[1:], units=known.units)


def _with(part: Slice, answer: Answer) -> Slice:
    assert answer.interval is not None  # what has none is not asked about
    sign = 1.0 if part.glyph == "≤" else -1.0
    ends = sorted(part.allowed + sign * end for end in (answer.interval.low, answer.interval.high))
    compared = Interval(low=ends[0], high=ends[1], level=answer.interval.level)
    return replace(part, verdict=answer.verdict, compared=compared, p=answer.p, q=answer.q)


def metric_values(
    metric: Metric,
    y: Floats,
    prediction: Prediction,
    parts: Sequence[NDArray[np.bool_]],
    resamples: Resamples,
) -> Floats:
    """The metric on each part's rows, then on every resample of them: (1 + n_resamples, n_parts).

    NaN where it is undefined.
    """
    return _resampled(metric, y, [(prediction, rows) for rows in parts], resamples)


def _resampled(
    metric: Metric,
    y: Floats,
    asked: Sequence[tuple[Prediction, NDArray[np.bool_]]],
    resamples: Resamples,
) -> Floats:
    """Of each prediction on its rows, as :func:`metric_values`; together, for it shares sums."""
    found = np.full((1 + resamples.count, len(asked)), np.nan)
    made = [metric.on(y[rows], prediction[rows]) for prediction, rows in asked]
    defined = [(place, s, asked[place][1]) for place, s in enumerate(made) if s is not None]
    with np.errstate(all="ignore"):
        for place, statistic, rows in defined:
            found[0, place] = value_of(statistic, int(rows.sum()))
    places = [place for place, _, _ in defined]
    found[1:, places] = bootstrap_parts([(s, rows) for _, s, rows in defined], resamples)
    return found
