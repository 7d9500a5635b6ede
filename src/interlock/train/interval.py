"""Prediction intervals by split-conformal calibration, on rows the model has not seen.

The half-width is the ⌈(n + 1)·level⌉-th smallest absolute residual of the n calibrate rows, in the
space of the target's transform. Under exchangeability the interval then covers a new row with at
least the probability ``level`` (Vovk, Gammerman and Shafer 2005; Lei, G'Sell, Rinaldo, Tibshirani
and Wasserman 2018, "Distribution-free predictive inference for regression").

Where the model gives a lower and an upper quantile beside its prediction, the residual is how far
the truth lies outside of them, below 0 inside: the same rank of these widens or narrows both ends
(Romano, Patterson & Candès 2019, "Conformalized quantile regression"). The promise is the same,
over all rows; but the width follows the row's own uncertainty, and slices are covered more evenly.
An end is never served on the wrong side of the prediction, which can only cover more.

>>> spec = AnswerSpec(task="regression", link="identity")
>>> y, raw = np.arange(1.0, 10.0), np.zeros((9, 1))
>>> calibrate_interval(y, raw, spec, level=0.8).interval.high_offset
8.0
>>> calibrate_interval(y[:3], raw[:3], spec, level=0.8).reason
'an interval at level 0.8 needs at least 4 calibrate rows; there are 3'
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from interlock.train.answer import AnswerSpec, Floats, PredictionInterval, transformed_prediction

_SCORES_WITH_QUANTILES = 3  # prediction, lower and upper quantile
_ROUNDING = 1e-9  # (n + 1)·level may lie a rounding error above a whole number


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The interval, or None and the reason why there is none."""

    interval: PredictionInterval | None
    reason: str = ""


def calibrate_interval(y: Floats, raw: Floats, spec: AnswerSpec, *, level: float) -> Calibration:
    """The interval of that level from calibrate rows.

    ``y`` is (n_rows,) in the target's own unit, ``raw`` (n_rows, 1), or (n_rows, 3) with a lower
    and an upper quantile of the target as it is fitted. A residual that is not a number counts as
    infinitely large.
    """
    if spec.task != "regression":
        return Calibration(interval=None, reason="intervals are for regressions")
    n = len(y)
    rank = _rank(n, level)
    if rank > n:
        return Calibration(
            interval=None,
            reason=f"an interval at level {level:g} needs at least {_rows_needed(level)} "
            f"calibrate rows; there are {n}",
        )
    quantiles = raw.shape[1] == _SCORES_WITH_QUANTILES
    outside = _outside(y, raw, spec) if quantiles else _residuals(y, raw, spec)
    width = float(np.partition(outside, rank - 1)[rank - 1])
    if not math.isfinite(width):
        return Calibration(
            interval=None,
            reason=f"too many of the {n} calibrate rows have no finite residual",
        )
    interval = PredictionInterval(
        level=level,
        low_offset=-width,
        high_offset=width,
        space=spec.transform or "identity",
        n=n,
        of="quantiles" if quantiles else "prediction",
    )
    return Calibration(interval=interval)


def _rank(n: int, level: float) -> int:
    return max(1, math.ceil((n + 1) * level - _ROUNDING))


def _rows_needed(level: float) -> int:
    """The smallest n with ⌈(n + 1)·level⌉ ≤ n."""
    n = max(1, math.ceil(level / (1.0 - level) - _ROUNDING))
    return n if _rank(n, level) <= n else n + 1


def _residuals(y: Floats, raw: Floats, spec: AnswerSpec) -> Floats:
    with np.errstate(all="ignore"):
        residuals = np.abs(transform_target(y, spec.transform) - transformed_prediction(raw, spec))
    return np.where(np.isnan(residuals), np.inf, residuals)


def _outside(y: Floats, raw: Floats, spec: AnswerSpec) -> Floats:
    """How far each truth lies outside of the two quantiles; below 0 inside."""
    truth = transform_target(y, spec.transform)
    with np.errstate(all="ignore"):
        outside = np.maximum(raw[:, 1] - truth, truth - raw[:, 2])
    return np.where(np.isnan(outside), np.inf, outside)


def transform_target(y: Floats, transform: str | None) -> Floats:
    """The target as it is fitted, (n_rows,); not finite where the transform is not defined."""
    values = np.asarray(y, dtype=np.float64)
    if transform is None:
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(values) if transform == "log" else np.log1p(values)
