"""Many questions at once, each about an excess over what is allowed: which are shown to be above 0?

One answer each by :func:`interlock.evaluate.judge.judge`, from the 95 % interval of the excess. So
that many questions do not raise many false alarms, an excess counts as shown only where its
Benjamini–Hochberg q-value is at most 5 % as well; what an interval alone would show stays
undecided.

>>> rng = np.random.default_rng(0)
>>> at = [Question(excess=e, resampled=rng.normal(e, 1, 2_000), units=500) for e in (-5, 2.2, 9)]
>>> [answer.verdict.value for answer in answered(at)]
['passed', 'failed', 'failed']
>>> among_many = answered([*at[:2], *[at[0]] * 20])
>>> among_many[1].verdict.value, among_many[1].p < 0.05 < among_many[1].q
('inconclusive', True)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.compare import interval_of
from interlock.evaluate.judge import Limit, judge
from interlock.stats.multiple import benjamini_hochberg
from interlock.stats.significance import p_value
from interlock.verdict import Interval, Verdict

Floats = NDArray[np.float64]
FALSE_DISCOVERIES = 0.05
"""The share of false alarms among those raised that is put up with."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """Is the ``excess`` over what is allowed above 0? ``resampled`` is (n_resamples,)."""

    excess: float
    resampled: Floats
    units: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """``interval`` of the excess, p-value, q-value over all questions asked together."""

    verdict: Verdict
    interval: Interval | None
    p: float
    q: float


def answered(questions: Sequence[Question]) -> tuple[Answer, ...]:
    """The answers, in the order of the questions.

    FAILED is an excess that is shown, PASSED one whose interval lies at or below 0, ERROR one that
    is undefined, INCONCLUSIVE anything else.
    """
    limit = Limit(at_most=0.0)
    p_values = [p_value(a.excess, a.resampled, units=a.units) for a in questions]
    q_values = benjamini_hochberg(p_values) if questions else ()
    found = []
    for asked, p, q in zip(questions, p_values, q_values, strict=True):
        interval = interval_of(asked.resampled) if np.isfinite(asked.excess) else None
        verdict = judge(interval, limit)
        if verdict is Verdict.FAILED and q > FALSE_DISCOVERIES:
            verdict = Verdict.INCONCLUSIVE
        found.append(Answer(verdict=verdict, interval=interval, p=p, q=float(q)))
    return tuple(found)
