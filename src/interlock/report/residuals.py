"""A regression's test rows, summarised to what the pictures need.

Errors are relative (a share of the true value) where every true value is above zero, else in
the target's unit. Rows whose prediction or truth is not a finite number are counted as
``unusable`` and shown, never dropped in silence.

>>> made = summarise_regression(np.array([100.0, 200.0]), np.array([110.0, np.nan]), target="price")
>>> made.n, made.unusable, made.relative
(1, 1, True)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.compare import Estimate
from interlock.report import estimates, groups
from interlock.report.content import (
    Cloud,
    Decile,
    Histogram,
    RegressionSummary,
)

Floats = NDArray[np.float64]

_BINS = 40
_CLOUD_COLUMNS = 26
_LOGARITHMIC_FROM = 8.0  # 99th percentile over 1st


def summarise_regression(
    y: Floats,
    prediction: Floats,
    *,
    target: str,
    unit: str = "",
    instants: NDArray[np.int64] | None = None,
    slices: Mapping[str, Sequence[object]] | None = None,
    low: Floats | None = None,
    high: Floats | None = None,
    promised: float | None = None,
) -> RegressionSummary:
    """Summarise test rows; all arrays and slice columns are ``(n_rows,)``.

    ``instants`` are microseconds UTC; ``low`` and ``high`` the ends of the prediction intervals
    of level ``promised``. Raises ValueError for arrays of different length.
    """
    _same_length(y, prediction, instants, low, high, *(slices or {}).values())
    usable = np.isfinite(y) & np.isfinite(prediction)
    truth, answer = y[usable], prediction[usable]
    n = len(truth)
    relative = bool(n) and bool((truth > 0).all())
    errors = np.abs(answer - truth) / (truth if relative else 1.0)

    def typical(positions: groups.Positions) -> Estimate | None:
        return estimates.median(errors[positions])

    inside = None if low is None or high is None else (y >= low) & (y <= high)

    def held(positions: groups.Positions) -> Estimate | None:
        """The share of usable rows whose truth lies in its interval; a NaN end covers nothing."""
        return None if inside is None else _held(inside[usable][positions])

    kept = np.flatnonzero(usable).tolist()
    chosen = {name: [values[i] for i in kept] for name, values in (slices or {}).items()}
    return RegressionSummary(
        target=target,
        unit=unit,
        n=n,
        unusable=len(y) - n,
        relative=relative,
        residuals=_histogram((answer - truth) / (truth if relative else 1.0)) if n else None,
        cloud=_cloud(answer, truth) if n else None,
        deciles=_deciles(answer, truth),
        periods=() if instants is None else groups.periods(instants[usable], typical),
        slices=groups.slices(chosen, typical),
        overall=typical(np.arange(n)),
        coverage=held(np.arange(n)),
        coverage_periods=(
            () if instants is None or inside is None else groups.periods(instants[usable], held)
        ),
        promised=promised,
    )


def _same_length(first: Floats, *others: Sequence[object] | NDArray[np.generic] | None) -> None:
    for other in others:
        if other is not None and len(other) != len(first):
            raise ValueError(f"all columns must have {len(first)} rows, got {len(other)}")


def _histogram(errors: Floats) -> Histogram:
    """Equal bins around zero, as far as 99 % of the rows reach; the rest is counted outside."""
    reach = float(np.quantile(np.abs(errors), 0.99)) or 1.0
    edges = np.linspace(-reach, reach, _BINS + 1)
    counts, _ = np.histogram(errors, edges)
    return Histogram(
        edges=tuple(float(edge) for edge in edges),
        counts=tuple(int(count) for count in counts),
        below=int((errors < -reach).sum()),
        above=int((errors > reach).sum()),
    )


def _cloud(answer: Floats, truth: Floats) -> Cloud:
    """Hexagonal binning (Carr et al., 1987); values outside the range stand at its rim."""
    both = np.concatenate([answer, truth])
    low, high = (float(edge) for edge in np.quantile(both, [0.002, 0.998]))
    logarithmic = low > 0 and high / low > _LOGARITHMIC_FROM
    if not high > low:
        low, high = low - 0.5, low + 0.5
    x, y = (_unit(values, low, high, logarithmic) for values in (answer, truth))
    cells = _hexagons(x * _CLOUD_COLUMNS, y * _CLOUD_COLUMNS)
    return Cloud(low=low, high=high, logarithmic=logarithmic, columns=_CLOUD_COLUMNS, cells=cells)


def _unit(values: Floats, low: float, high: float, logarithmic: bool) -> Floats:
    inside = np.clip(values, low, high)
    if logarithmic:
        inside, low, high = np.log(inside), float(np.log(low)), float(np.log(high))
    return np.clip((inside - low) / (high - low), 0.0, 1.0)


def _hexagons(x: Floats, y: Floats) -> tuple[tuple[int, int, int], ...]:
    """Each point to the nearest centre; centres of row r stand at height r·√3/2."""
    height = np.sqrt(3) / 2
    best = np.full(len(x), np.inf)
    column, row = np.zeros(len(x), np.int64), np.zeros(len(x), np.int64)
    for parity in (0, 1):
        r = 2 * np.round((y / height - parity) / 2).astype(np.int64) + parity
        c = np.round(x - parity / 2).astype(np.int64)
        distance = (x - c - parity / 2) ** 2 + (y - r * height) ** 2
        nearer = distance < best
        best[nearer], column[nearer], row[nearer] = distance[nearer], c[nearer], r[nearer]
    cells, counts = np.unique(np.stack([column, row]), axis=1, return_counts=True)
    return tuple((int(c), int(r), int(k)) for c, r, k in zip(*cells, counts, strict=True))


def _deciles(answer: Floats, truth: Floats) -> tuple[Decile, ...]:
    order = np.argsort(answer, kind="stable")
    return tuple(
        Decile(
            n=len(part),
            predicted=float(f"{np.median(answer[part]):.4g}"),
            actual=float(f"{np.median(truth[part]):.4g}"),
        )
        for part in np.array_split(order, 10)
        if len(part)
    )


def _held(inside: NDArray[np.bool_]) -> Estimate | None:
    return estimates.share(int(inside.sum()), len(inside))
