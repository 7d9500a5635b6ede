"""How often prediction intervals hold the truth, and how wide they are.

A split-conformal interval promises its level over all rows that are exchangeable with the calibrate
rows, and no more (Lei et al. 2018): for a part of the rows, and over time, it is measured here.

Invariant: an end that is missing, infinite or on the wrong side makes the rows undefined.

>>> truth, low = np.arange(200.0), np.arange(200.0) - 1
>>> served = ServedIntervals(y=truth, low=low, high=low + np.where(np.arange(200) % 5, 2, 0.5))
>>> found = coverage(served, Resamples.of(200, seed=1))
>>> found.value, found.interval.low < 0.8 < found.interval.high
(0.8, True)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.compare import Estimate, interval_of
from interlock.evaluate.parts import Part
from interlock.stats.bootstrap import Quantile, bootstrap, bootstrap_parts, value_of
from interlock.stats.resamples import Resamples
from interlock.stats.shares import resampled_shares
from interlock.wording import counted

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ServedIntervals:
    """The truth ``y`` and the ends of the intervals that were answered, each (n_rows,)."""

    y: Floats
    low: Floats
    high: Floats

    @property
    def flaw(self) -> str:
        """Why nothing can be said of them, or ""."""
        if not len(self.y) == len(self.low) == len(self.high):
            return "there is not one interval for each row"
        finite = np.isfinite(self.y) & np.isfinite(self.low) & np.isfinite(self.high)
        if not finite.all():
            n = int((~finite).sum())
            return f"{counted(n, 'row has', 'rows have')} an end or a truth that is not finite"
        if (self.low > self.high).any():
            n = int((self.low > self.high).sum())
            return counted(n, "interval ends before it begins", "intervals end before they begin")
        return ""

    @cached_property
    def covered(self) -> NDArray[np.bool_]:
        """Whether the truth lies within, ends included, (n_rows,)."""
        return (self.y >= self.low) & (self.y <= self.high)

    @cached_property
    def width(self) -> Floats:
        """From end to end, in the target's unit, (n_rows,)."""
        return self.high - self.low


@dataclass(frozen=True, kw_only=True)
class Widths:
    """Quantiles of the widths of intervals, in the target's unit."""

    tenth: float
    median: float
    nine_tenths: float


def coverage(served: ServedIntervals, resamples: Resamples) -> Estimate:
    """The share of rows whose truth lies in its interval. Raises ValueError for flawed rows."""
    return coverages(served, [Part.whole(len(served.y))], resamples)[0]


def coverages(
    served: ServedIntervals, parts: Sequence[Part], resamples: Resamples
) -> tuple[Estimate, ...]:
    """The share of each part's rows whose truth lies in its interval.

    Percentile intervals, by cluster where rows share one (:mod:`interlock.stats.shares`). An empty
    part is undefined. Raises ValueError for flawed rows.
    """
    resampled = resampled_coverages(served, parts, resamples)
    return tuple(
        _estimate(served.covered[part.rows], resampled[:, place], part, resamples)
        for place, part in enumerate(parts)
    )


def resampled_coverages(
    served: ServedIntervals, parts: Sequence[Part], resamples: Resamples
) -> Floats:
    """The coverage of each part on every resample, (n_resamples, n_parts); NaN for none.

    Raises ValueError for flawed rows.
    """
    if served.flaw:
        raise ValueError(served.flaw)
    return resampled_shares(served.covered, [part.rows for part in parts], resamples)


def widths(served: ServedIntervals, rows: NDArray[np.bool_]) -> Widths:
    """The widths on those rows (n_rows,); NaN where there are none."""
    chosen = served.width[rows]
    found = np.quantile(chosen, [0.1, 0.5, 0.9]) if len(chosen) else np.full(3, np.nan)
    return Widths(tenth=float(found[0]), median=float(found[1]), nine_tenths=float(found[2]))


def width(values: Floats, quantile: float, resamples: Resamples) -> Estimate:
    """A quantile of widths ``values`` (n_rows,), which must be finite, with its interval."""
    statistic = Quantile(values, quantile)
    return Estimate(
        value=value_of(statistic, len(values)),
        interval=interval_of(bootstrap([statistic], resamples)[:, 0]),
        n=len(values),
        units=resamples.independent,
    )


def resampled_widths(
    values: Floats, quantile: float, parts: Sequence[Part], resamples: Resamples
) -> Floats:
    """A quantile of each part's widths, then of every resample's: (1 + n_resamples, n_parts)."""
    asked = [(Quantile(values[part.rows], quantile), part.rows) for part in parts]
    own = np.array([[value_of(statistic, int(rows.sum())) for statistic, rows in asked]])
    return np.vstack([own.reshape(1, len(parts)), bootstrap_parts(asked, resamples)])


def _estimate(
    covered: NDArray[np.bool_], resampled: Floats, part: Part, resamples: Resamples
) -> Estimate:
    if not len(covered):
        return Estimate(value=math.nan, interval=None, n=0, units=0)
    return Estimate(
        value=float(covered.mean()),
        interval=interval_of(resampled),
        n=len(covered),
        units=resamples.independent_in(part.rows),
    )
