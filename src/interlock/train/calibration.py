"""Calibrated probabilities: two numbers, fitted on calibrate rows, beside the model as data.

Two classes: the positive one has the probability 1 / (1 + exp(−(slope·s + offset))), s being the
score before the model's own link (Platt 1999, "Probabilistic outputs for support vector machines",
with the smoothed targets he proposes; fitted by Newton's method with step halving, after Lin, Lin
and Weng 2007). More classes: the scores are multiplied by one number, the inverse of a temperature
(Guo et al. 2017, "On calibration of modern neural networks"). Neither changes which class of a row
is likelier than another but where two classes' offset does.

Invariants: no randomness, and no sum whose order depends on the number of threads;
:meth:`ProbabilityCalibration.scores` of n rows equals ``scores_one`` of each to the bit; only NumPy
is imported.

>>> rng = np.random.default_rng(0)
>>> score = rng.normal(0, 4, 20_000)
>>> y = (rng.random(20_000) < 1 / (1 + np.exp(-(0.5 * score - 1)))).astype(int)
>>> found = calibrate(y, score[:, None], "logit", n_classes=2)
>>> round(found.slope, 1), round(found.offset, 1), found.n
(0.5, -1.0, 20000)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from interlock.errors import AuthorError

Floats: TypeAlias = NDArray[np.float64]
Method: TypeAlias = Literal["sigmoid", "temperature"]

_TINY = 1e-15  # a probability below it, as float32 models give them, counts as this
_STEPS = 100
_HALVINGS = 30
_SMALL = 1e-10  # of the gradient's mean a row, where fitting ends


@dataclass(frozen=True, kw_only=True)
class ProbabilityCalibration:
    """``sigmoid``: slope and offset for two classes; ``temperature``: a slope for more.

    ``n`` is the number of calibrate rows it rests on.
    """

    method: Method
    slope: float
    offset: float
    n: int

    @property
    def link(self) -> Literal["logit", "softmax"]:
        """The link of the calibrated scores."""
        return "logit" if self.method == "sigmoid" else "softmax"

    def scores(self, raw: Floats, link: str) -> Floats:
        """Calibrated scores, (n_rows, 1) for two classes, else (n_rows, n_classes)."""
        plain = _plain_scores(raw, link, binary=self.method == "sigmoid")
        return plain * self.slope + self.offset

    def scores_one(self, raw: Sequence[float], link: str) -> list[float]:
        """The calibrated scores of one row, as Python numbers."""
        plain = _plain_scores_one(raw, link, binary=self.method == "sigmoid")
        return [score * self.slope + self.offset for score in plain]


def calibrate(
    y: NDArray[Any],
    raw: Floats,
    link: str,
    *,
    n_classes: int,
    weights: Floats | None = None,
) -> ProbabilityCalibration:
    """The calibration of least log loss on calibrate rows.

    ``y`` is (n_rows,) class indices, ``raw`` (n_rows, n_scores) as the packaged model gives them.
    Rows whose scores are not finite are left out. Raises AuthorError T115 where the rows cannot
    say how to calibrate: none of a class, or scores that do not order them.
    """
    binary = n_classes == 2
    with np.errstate(all="ignore"):
        scores = _plain_scores(raw, link, binary=binary)
    usable = np.isfinite(scores).all(axis=1)
    scores, truth = scores[usable], np.asarray(y, dtype=np.int64)[usable]
    weight = np.ones(len(truth)) if weights is None else np.asarray(weights, dtype=float)[usable]
    seen = np.bincount(truth, weights=weight, minlength=n_classes) > 0
    if (binary and not seen.all()) or seen.sum() < 2:
        raise _uncalibrated(f"{len(truth)} usable rows of {int(seen.sum())} of {n_classes} classes")
    if binary:
        slope, offset = _sigmoid(scores[:, 0], truth, weight)
    else:
        slope, offset = _temperature(scores, truth, weight), 0.0
    if not (math.isfinite(slope) and math.isfinite(offset) and slope > 0):
        raise _uncalibrated(f"scores with which no class becomes likelier (slope {slope:.3g})")
    method: Method = "sigmoid" if binary else "temperature"
    return ProbabilityCalibration(method=method, slope=slope, offset=offset, n=len(truth))


def _uncalibrated(got: str) -> AuthorError:
    return AuthorError(
        "T115",
        "the probabilities cannot be calibrated",
        expected="calibrate rows of every class, and scores that tell them apart",
        got=got,
        fix="lengthen the calibrate part of the split, or drop calibrate='sigmoid'",
    )


def _plain_scores(raw: Floats, link: str, *, binary: bool) -> Floats:
    """Log odds (n_rows, 1) for two classes, else one unnormalised log probability a class."""
    if link == "probability":
        raw = np.column_stack([1.0 - raw[:, 0], raw[:, 0]]) if raw.shape[1] == 1 else raw
        raw = np.log(np.ascontiguousarray(np.maximum(raw, _TINY)))
    if binary and raw.shape[1] == 2:
        return raw[:, 1:] - raw[:, :1]
    return raw


def _plain_scores_one(raw: Sequence[float], link: str, *, binary: bool) -> list[float]:
    values = [float(value) for value in raw]
    if link == "probability":
        values = [1.0 - values[0], values[0]] if len(values) == 1 else values
        values = [float(np.log(_TINY if value < _TINY else value)) for value in values]
    if binary and len(values) == 2:
        return [values[1] - values[0]]
    return values


def _sigmoid(scores: Floats, truth: NDArray[np.int64], weight: Floats) -> tuple[float, float]:
    """(slope, offset) of least log loss against Platt's smoothed targets."""
    positive = float(weight[truth == 1].sum())
    negative = float(weight[truth == 0].sum())
    target = np.where(truth == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(at: Floats) -> float:
        logit = scores * at[0] + at[1]
        return float((weight * (np.logaddexp(0.0, logit) - target * logit)).sum())

    def derivatives(at: Floats) -> tuple[Floats, Floats]:
        share = 0.5 * (1.0 + np.tanh(0.5 * (scores * at[0] + at[1])))
        excess, spread = weight * (share - target), weight * share * (1.0 - share)
        mixed = (spread * scores).sum()
        gradient = np.array([(excess * scores).sum(), excess.sum()])
        return gradient, np.array([[(spread * scores**2).sum(), mixed], [mixed, spread.sum()]])

    start = np.array([0.0, math.log((positive + 1) / (negative + 1))])
    slope, offset = _least(loss, derivatives, start, float(weight.sum()))
    return float(slope), float(offset)


def _temperature(scores: Floats, truth: NDArray[np.int64], weight: Floats) -> float:
    """The factor of least log loss."""
    scores = scores - scores.max(axis=1, keepdims=True)
    chosen = scores[np.arange(len(truth)), truth]

    def shares(factor: float) -> Floats:
        powers = np.exp(scores * factor)
        found: Floats = powers / powers.sum(axis=1, keepdims=True)
        return found

    def loss(at: Floats) -> float:
        total = np.log(np.exp(scores * at[0]).sum(axis=1))
        return float((weight * (total - chosen * at[0])).sum())

    def derivatives(at: Floats) -> tuple[Floats, Floats]:
        share = shares(float(at[0]))
        mean = (share * scores).sum(axis=1)
        spread = (share * scores**2).sum(axis=1) - mean**2
        return np.array([(weight * (mean - chosen)).sum()]), np.array([[(weight * spread).sum()]])

    return float(_least(loss, derivatives, np.array([1.0]), float(weight.sum()))[0])


def _least(loss: Any, derivatives: Any, start: Floats, total: float) -> Floats:
    """Where a convex loss is least: Newton's method, steps halved until the loss falls."""
    at, value = start, loss(start)
    for _ in range(_STEPS):
        gradient, curvature = derivatives(at)
        if not np.abs(gradient).max() > _SMALL * total:
            break
        ridge = 1e-12 * max(1.0, float(np.trace(curvature)))
        step = np.linalg.solve(curvature + ridge * np.eye(len(at)), gradient)
        for _ in range(_HALVINGS):
            if (found := loss(at - step)) < value:
                break
            step = step / 2
        else:
            break
        at, value = at - step, found
    return at
