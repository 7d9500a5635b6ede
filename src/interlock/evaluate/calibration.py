"""Do predicted probabilities come true as often as they say?

The expected calibration error is the mean gap between promise and outcome over ten bins of equal
mass (:func:`interlock.evaluate.classification.expected_calibration_error` defines it). Chance alone
makes every gap greater than 0, and resampling adds as much again: a percentile interval of a
perfectly calibrated model lies above 0, and would call it badly calibrated. So the lower end here
is another: with gaps g of the truth and ĝ of the rows, Σ|ĝ| − Σ|g| ≤ Σ|ĝ − g|, whose 97.5 %
quantile the resamples tell. The upper end is the percentile, which is a little high: a model passes
rather too late than too soon, and fails only where it is shown to be calibrated badly.

>>> rng = np.random.default_rng(0)
>>> chance = rng.random(4_000)
>>> y = (rng.random(4_000) < chance).astype(float)
>>> odds, drawn = np.column_stack([1 - chance, chance]), Resamples.of(4_000, seed=1)
>>> found = calibration_error(y, odds, drawn)
>>> found.interval.low, round(found.value, 2)
(0.0, 0.01)
>>> [round(b.observed.value - b.promised, 1) for b in reliability(y, odds, drawn)][:3]
[0.0, 0.0, 0.0]
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate import classification
from interlock.evaluate.compare import Estimate, interval_of
from interlock.evaluate.predicted import Predicted, Prediction
from interlock.stats.bootstrap import Means
from interlock.stats.resamples import Resamples
from interlock.stats.shares import resampled_shares
from interlock.verdict import Interval

Floats = NDArray[np.float64]
LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Rows of similar probability: the mean that was ``promised``, and how often it came true."""

    promised: float
    observed: Estimate


def calibration_error(y: Floats, prediction: Prediction, resamples: Resamples) -> Estimate:
    """The expected calibration error; undefined where the probabilities are none.

    y (n_rows,) class indices, prediction (n_rows, n_classes). Raises ValueError for shapes.
    """
    found = _promises(y, prediction)
    unknown = Estimate(
        value=math.nan, interval=None, n=resamples.n_rows, units=resamples.independent
    )
    if found is None:
        return unknown
    promised, came_true, bins = found
    sums = Means(classification.calibration_gaps(promised, came_true, bins)).sums(
        resamples.unit_of_row, resamples.n_units
    )
    totals = resamples.totals(np.stack(sums.columns).T)
    gaps = totals[:, 1:] / totals[:, :1]
    own = np.stack(sums.columns[1:]).sum(axis=1) / resamples.n_rows
    value = float(np.abs(own).sum())
    high = interval_of(np.abs(gaps).sum(axis=1))
    noise = interval_of(np.abs(gaps - own).sum(axis=1))
    if high is None or noise is None:
        return unknown
    interval = Interval(low=max(0.0, value - noise.high), high=max(value, high.high), level=LEVEL)
    return Estimate(value=value, interval=interval, n=resamples.n_rows, units=resamples.independent)


def reliability(y: Floats, prediction: Prediction, resamples: Resamples) -> tuple[Bin, ...]:
    """The reliability curve: up to ten bins of equal mass, each with its interval.

    Empty where the probabilities are none. Raises ValueError for shapes.
    """
    found = _promises(y, prediction)
    if found is None:
        return ()
    promised, came_true, bins = found
    parts = [bins == place for place in np.unique(bins)]
    drawn = resampled_shares(came_true, parts, resamples)
    return tuple(
        Bin(
            promised=float(promised[rows].mean()),
            observed=Estimate(
                value=float(came_true[rows].mean()),
                interval=interval_of(drawn[:, place]),
                n=int(rows.sum()),
                units=resamples.independent_in(rows),
            ),
        )
        for place, rows in enumerate(parts)
    )


def _promises(
    y: Floats, prediction: Prediction
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.intp]] | None:
    """What was promised, whether it came true, and each row's bin; None for no probabilities."""
    truth, odds = np.asarray(y, dtype=np.float64), Predicted.of(prediction).values
    if odds.ndim != 2 or len(odds) != len(truth) or not len(truth):
        raise ValueError(f"calibration needs probabilities of {len(truth)} rows, got {odds.shape}")
    if not (np.isfinite(truth).all() and np.isfinite(odds).all()):
        return None
    if not classification.valid(truth, odds):
        return None
    promised, came_true = classification.promises(truth, odds)
    return promised, came_true, classification.equal_mass_bins(promised)
