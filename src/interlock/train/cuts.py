"""Every place where a line can be drawn between scores, and what lies on either side of it.

>>> cuts = Cuts.of(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]))
>>> cuts.thresholds.tolist()
[0.0, 0.2, 0.6, 1.0]
>>> cuts.measured(lambda hits, alarms, positives, negatives: hits - alarms, None).tolist()
[[0.0, 1.0, 1.0, 0.0]]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interlock.stats.resamples import Resamples

Floats = NDArray[np.float64]
OfSides = Callable[[Floats, Floats, Floats, Floats], Floats]
MOST_GROUPS = 400  # of rows of similar score, between which lines are drawn
_MOST_DIGITS = 17


@dataclass(frozen=True, kw_only=True, eq=False)
class Cuts:
    """``thresholds`` (n_cuts,) rise from 0, where all are marked, to where none is, unless some
    row is certain.

    ``order`` (n_rows,) puts the rows by rising score, ``starts`` (n_groups,) are where each group
    of them begins, ``positive`` (n_rows,) is in that order.
    """

    thresholds: Floats
    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    positive: NDArray[np.bool_]

    @classmethod
    def of(cls, scores: Floats, positive: NDArray[np.bool_]) -> Cuts:
        """The cuts of ``scores`` (n_rows,) in [0, 1]; rows of equal score are never parted."""
        order = np.argsort(scores, kind="stable")
        ranked = scores[order]
        starts = np.concatenate([[0], np.flatnonzero(np.diff(ranked)) + 1])
        if len(starts) > MOST_GROUPS:
            wanted = np.arange(MOST_GROUPS) * len(ranked) // MOST_GROUPS
            starts = np.unique(starts[np.searchsorted(starts, wanted, side="right") - 1])
        inner = [_between(ranked[start - 1], ranked[start]) for start in starts[1:]]
        none = [] if ranked[-1] >= 1.0 else [_between(ranked[-1], 1.0)]
        return cls(
            thresholds=np.array([0.0, *inner, *none]),
            order=order,
            starts=starts,
            positive=positive[order],
        )

    def measured(self, of_sides: OfSides, drawn: Resamples | None) -> Floats:
        """``of_sides`` at every cut, (n_resamples, n_cuts); of all rows once without resamples.

        It takes how many positives and negatives are marked, and how many there are.
        """
        if drawn is None:
            return self._at(of_sides, np.ones((1, len(self.order))))
        units = drawn.unit_of_row[self.order]
        return np.vstack([self._at(of_sides, counts[:, units]) for counts in drawn.chunks()])

    def _at(self, of_sides: OfSides, counts: Floats) -> Floats:
        hits, alarms = self._marked(counts * self.positive), self._marked(counts * ~self.positive)
        with np.errstate(all="ignore"):
            found = of_sides(hits, alarms, hits[:, :1], alarms[:, :1])
        return found[:, : len(self.thresholds)]

    def _marked(self, counts: Floats) -> Floats:
        """How many lie at or above each cut."""
        groups = np.add.reduceat(counts, self.starts, axis=1)
        above = np.cumsum(groups[:, ::-1], axis=1)[:, ::-1]
        return np.hstack([above, np.zeros((len(counts), 1))])


def _between(low: float, high: float) -> float:
    """The shortest number near the middle that is above ``low`` and at most ``high``."""
    middle = low + (high - low) / 2
    first = max(1, -math.floor(math.log10(high - low))) if high > low else _MOST_DIGITS
    for digits in range(min(first, _MOST_DIGITS), _MOST_DIGITS):
        short = round(middle, digits)
        if low < short <= high:
            return short
    return float(high)
