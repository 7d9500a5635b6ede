"""A classifier's test rows, summarised to what the pictures need.

For two classes the second is the positive one, and reliability, ROC and precision–recall are
of its probability. For more classes reliability is of the likeliest class (top label), and
there are no curves. Rows with a probability that is not finite are counted as ``unusable``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.compare import Estimate
from interlock.report import estimates, groups
from interlock.report.content import ClassesSummary, Curve, ReliabilityBin

Floats = NDArray[np.float64]

_BINS = 10
_POINTS = 72


def summarise_classes(
    y: Sequence[object],
    probabilities: Floats,
    *,
    classes: Sequence[object],
    target: str,
    answered: NDArray[np.intp] | None = None,
    instants: NDArray[np.int64] | None = None,
    slices: Mapping[str, Sequence[object]] | None = None,
) -> ClassesSummary:
    """Summarise test rows: ``y`` (n_rows,) of ``classes``, ``probabilities`` (n_rows, n_classes).

    ``answered`` (n_rows,) are the indices of the answered classes, the likeliest where not given.
    Raises ValueError for lengths that do not fit and for a true value that is no class.
    """
    if probabilities.shape != (len(y), len(classes)):
        expected, got = (len(y), len(classes)), probabilities.shape
        raise ValueError(f"probabilities must have the shape {expected}, got {got}")
    positions = {value: i for i, value in enumerate(classes)}
    strangers = sorted({str(value) for value in y if value not in positions})
    if strangers:
        raise ValueError(f"every true value must be a class, got {strangers[:3]}")
    usable = np.isfinite(probabilities).all(axis=1)
    kept = np.flatnonzero(usable).tolist()
    truth = np.array([positions[y[i]] for i in kept], dtype=np.int64)
    chances = probabilities[usable]
    likeliest = chances.argmax(axis=1) if len(kept) else truth
    said = likeliest if answered is None else np.asarray(answered, dtype=np.int64)[usable]
    wrong = said != truth

    def error_rate(rows: groups.Positions) -> Estimate | None:
        return estimates.share(int(wrong[rows].sum()), len(rows))

    binary = len(classes) == 2
    positive = truth == 1
    scores = chances[:, 1] if binary else chances.max(axis=1, initial=0.0)
    came_true = positive if binary else likeliest == truth
    bins = _reliability(scores, came_true)
    curves = binary and bool(positive.any()) and not bool(positive.all())
    chosen = {name: [values[i] for i in kept] for name, values in (slices or {}).items()}
    return ClassesSummary(
        target=target,
        n=len(kept),
        unusable=len(y) - len(kept),
        classes=tuple(str(value) for value in classes),
        confusion=_confusion(truth, said, len(classes)),
        reliability=bins,
        calibration_error=_calibration_error(bins),
        roc=_roc(scores, positive) if curves else None,
        precision_recall=_precision_recall(scores, positive) if curves else None,
        positive_share=float(positive.mean()) if binary and len(kept) else None,
        periods=() if instants is None else groups.periods(instants[usable], error_rate),
        slices=groups.slices(chosen, error_rate),
        overall=error_rate(np.arange(len(kept))),
    )


def _confusion(
    truth: NDArray[np.int64], answered: NDArray[np.int64], k: int
) -> tuple[tuple[int, ...], ...]:
    """Rows: what was true; columns: what was answered."""
    flat = np.bincount(truth * k + answered, minlength=k * k).reshape(k, k)
    return tuple(tuple(int(n) for n in row) for row in flat)


def _reliability(scores: Floats, came_true: NDArray[np.bool_]) -> tuple[ReliabilityBin, ...]:
    """Ten bins with equally many rows; equal scores stay in one bin."""
    if len(scores) == 0:
        return ()
    edges = np.unique(np.quantile(scores, np.arange(1, _BINS) / _BINS))
    which = np.searchsorted(edges, scores, side="right")
    found = []
    for number in np.unique(which):
        rows = which == number
        observed = estimates.share(int(came_true[rows].sum()), int(rows.sum()))
        if observed is not None:
            predicted = float(f"{scores[rows].mean():.4g}")
            found.append(ReliabilityBin(predicted=predicted, observed=observed))
    return tuple(found)


def _calibration_error(bins: Sequence[ReliabilityBin]) -> float | None:
    """Expected calibration error (Naeini et al., 2015): the mean gap, weighted by rows."""
    n = sum(group.observed.n or 0 for group in bins)
    if n == 0:
        return None
    gaps = (abs(b.predicted - b.observed.value) * (b.observed.n or 0) for b in bins)
    return sum(gaps) / n


def _counts(scores: Floats, positive: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """True and false positives at every distinct threshold, from the highest down."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(positive[order])[last].astype(np.float64)
    return hits, (last + 1) - hits


def _roc(scores: Floats, positive: NDArray[np.bool_]) -> Curve:
    hits, misses = _counts(scores, positive)
    across = np.concatenate([[0.0], misses / misses[-1]])
    up = np.concatenate([[0.0], hits / hits[-1]])
    area = float(np.sum(np.diff(across) * (up[1:] + up[:-1]) / 2))
    return Curve(points=_thinned(across, up), area=area)


def _precision_recall(scores: Floats, positive: NDArray[np.bool_]) -> Curve:
    """The area is average precision: precision weighted by the step in recall."""
    hits, misses = _counts(scores, positive)
    recall, precision = hits / hits[-1], hits / (hits + misses)
    area = float(np.sum(np.diff(recall, prepend=0.0) * precision))
    return Curve(points=_thinned(recall, precision), area=area)


def _thinned(across: Floats, up: Floats) -> tuple[tuple[float, float], ...]:
    """As many points as a picture shows, evenly spread along the curve."""
    length = np.cumsum(np.hypot(np.diff(across, prepend=across[0]), np.diff(up, prepend=up[0])))
    wanted = np.linspace(0.0, length[-1], _POINTS)
    kept = np.unique(np.append(np.searchsorted(length, wanted), [0, len(across) - 1]))
    kept = kept[kept < len(across)]
    return tuple((round(float(across[i]), 4), round(float(up[i]), 4)) for i in kept)
