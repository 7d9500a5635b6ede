"""From a model's raw scores to answers; one definition for evaluation and serving.

Invariants: :func:`answer` of n rows equals :func:`answer_one` of each to the bit (both take
exponentials from NumPy, and both add in the same order); no training library is imported.

raw score → inverse of the link → inverse of the target's transform → value. The interval's offsets
are added in the space of the transform, so that an interval on log prices is a factor on prices.
Classes: raw score → calibration, where the candidate declares one → inverse of the link →
probabilities → the likeliest class, or the one that the release's decision says.

>>> spec = AnswerSpec(task="regression", link="identity", transform="log")
>>> answer(np.log([[100.0], [200.0]]), spec).value.round(9).tolist()
[100.0, 200.0]
>>> answer_one([0.0], AnswerSpec(task="binary", link="logit", classes=("no", "yes")))
AnswerOne(value=0, low=None, high=None, probabilities=(0.5, 0.5))
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import repeat
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from interlock.train.calibration import ProbabilityCalibration
from interlock.train.decision import Decision

Floats: TypeAlias = NDArray[np.float64]
Task: TypeAlias = Literal["regression", "binary", "multiclass"]
Link: TypeAlias = Literal["identity", "log", "logit", "softmax", "probability"]
Transform: TypeAlias = Literal["log", "log1p"]

_EXP_LIMIT = 709.0  # np.exp overflows, with a warning, a little above
_FEW = 4  # rows from which arrays pay


@dataclass(frozen=True, kw_only=True)
class PredictionInterval:
    """A split-conformal interval: offsets to add in ``space``, to the prediction or, where ``of``
    says so, to the lower and the upper quantile that the model gives beside it.

    ``space`` is "identity", "log" or "log1p"; ``n`` is the number of calibrate rows it rests on.
    """

    level: float
    low_offset: float
    high_offset: float
    space: str
    n: int
    of: Literal["prediction", "quantiles"] = "prediction"


@dataclass(frozen=True, kw_only=True)
class AnswerSpec:
    """How raw scores become answers.

    ``transform`` is what was done to the target before fitting; ``classes`` names the classes in
    the order of the probabilities, and is empty for a regression. ``calibration`` and ``decision``
    are for classes, ``interval`` for regressions. Without a decision the likeliest class is
    answered.
    """

    task: Task
    link: Link
    transform: Transform | None = None
    classes: tuple[Any, ...] = ()
    interval: PredictionInterval | None = None
    calibration: ProbabilityCalibration | None = None
    decision: Decision | None = None

    def with_interval(self, interval: PredictionInterval | None) -> AnswerSpec:
        """The same, with this interval."""
        return replace(self, interval=interval)

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values; ``calibration`` and ``decision`` only where there is one, and of the
        interval what it is of only where that is quantiles."""
        row = {**asdict(self), "classes": list(self.classes)}
        if self.interval is not None and self.interval.of == "prediction":
            del row["interval"]["of"]
        if self.calibration is None:
            del row["calibration"]
        del row["decision"]
        return row if self.decision is None else row | {"decision": self.decision.to_row()}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> AnswerSpec:
        """The inverse of :meth:`to_row`."""
        fields = dict(row)
        fields["classes"] = tuple(row["classes"])
        if row["interval"] is not None:
            fields["interval"] = PredictionInterval(**row["interval"])
        if row.get("calibration") is not None:
            fields["calibration"] = ProbabilityCalibration(**row["calibration"])
        if row.get("decision") is not None:
            fields["decision"] = Decision.from_row(row["decision"])
        return cls(**fields)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Answers to n rows.

    ``value`` is (n_rows,): the predicted number, or the index of the class answered: the likeliest
    (of equals the first), unless the release decides otherwise. ``low`` and ``high`` are (n_rows,)
    or None; ``probabilities`` is (n_rows, n_classes) or None.
    """

    value: NDArray[Any]
    low: Floats | None = None
    high: Floats | None = None
    probabilities: Floats | None = None

    @property
    def prediction(self) -> Floats:
        """What metrics take: probabilities for classes, values for a regression."""
        return self.value if self.probabilities is None else self.probabilities


class AnswerOne(msgspec.Struct, frozen=True, gc=False):
    """The answer to one row; as :class:`Answers`, with Python numbers."""

    value: float | int
    low: float | None
    high: float | None
    probabilities: tuple[float, ...] | None


def answer(raw: Floats, spec: AnswerSpec) -> Answers:
    """Answers from raw scores (n_rows, n_scores); a NaN score gives a NaN answer."""
    with np.errstate(over="ignore", invalid="ignore"):
        if spec.task != "regression":
            probabilities = _probabilities(*_calibrated(raw, spec))
            return Answers(value=_decided(probabilities, spec), probabilities=probabilities)
        central = transformed_prediction(raw, spec)
        value = _restored(central, spec.transform)
        if spec.interval is None:
            return Answers(value=value)
        low, high = _ends(raw, central, spec.interval)
        return Answers(
            value=value,
            low=_restored(low, spec.transform),
            high=_restored(high, spec.transform),
        )


def _ends(raw: Floats, central: Floats, interval: PredictionInterval) -> tuple[Floats, Floats]:
    """The ends in the space of the transform; never on the wrong side of the prediction."""
    if interval.of == "prediction":
        return central + interval.low_offset, central + interval.high_offset
    low, high = raw[:, 1] + interval.low_offset, raw[:, 2] + interval.high_offset
    return np.where(low > central, central, low), np.where(high < central, central, high)


def _decided(probabilities: Floats, spec: AnswerSpec) -> NDArray[np.intp]:
    if spec.decision is None:
        return np.asarray(np.argmax(probabilities, axis=1), dtype=np.intp)
    return spec.decision.classes(probabilities)


def transformed_prediction(raw: Floats, spec: AnswerSpec) -> Floats:
    """A regression's predictions, (n_rows,), still in the space of the target's transform."""
    scores = np.ascontiguousarray(raw[:, 0])
    return np.exp(scores) if spec.link == "log" else scores


def _restored(values: Floats, transform: Transform | None) -> Floats:
    if transform == "log":
        return np.exp(values)
    return np.expm1(values) if transform == "log1p" else values


def _calibrated(raw: Floats, spec: AnswerSpec) -> tuple[Floats, Link]:
    """The scores behind the probabilities, and their link."""
    if spec.calibration is None:
        return raw, spec.link
    return spec.calibration.scores(raw, spec.link), spec.calibration.link


def _probabilities(raw: Floats, link: Link) -> Floats:
    """(n_rows, n_classes), C-contiguous."""
    if link == "softmax":
        powers = np.exp(np.ascontiguousarray(raw - raw.max(axis=1, keepdims=True)))
        total = powers[:, 0].copy()
        for column in range(1, powers.shape[1]):  # in this order, as answer_one adds
            total += powers[:, column]
        shares: Floats = powers / total[:, np.newaxis]
        return shares
    if raw.shape[1] > 1:
        return np.ascontiguousarray(raw)
    scores = np.ascontiguousarray(raw[:, 0])
    positive = 1.0 / (1.0 + np.exp(-scores)) if link == "logit" else scores
    return np.column_stack([1.0 - positive, positive])


def answer_few(raw: Sequence[Sequence[float]], spec: AnswerSpec) -> list[AnswerOne]:
    """:func:`answer_one` of each row of raw scores, to the bit, and quicker for several."""
    if len(raw) < _FEW:
        return [answer_one(one, spec) for one in raw]
    found = answer(np.array(raw, dtype=np.float64), spec)
    values = found.value.tolist()
    if found.probabilities is not None:
        shares = map(tuple, found.probabilities.tolist())
        return list(map(AnswerOne, values, repeat(None), repeat(None), shares))
    if found.low is None or found.high is None:
        return [AnswerOne(value, None, None, None) for value in values]
    return list(map(AnswerOne, values, found.low.tolist(), found.high.tolist(), repeat(None)))


def answer_one(raw: Sequence[float], spec: AnswerSpec) -> AnswerOne:
    """The answer to one row of raw scores (n_scores,), Python floats for speed."""
    if spec.task != "regression":
        link = spec.link
        if spec.calibration is not None:
            raw, link = spec.calibration.scores_one(raw, link), spec.calibration.link
        shares = _probabilities_one(raw, link)
        decision = spec.decision
        value = _likeliest(shares) if decision is None else decision.class_one(shares)
        return AnswerOne(value, None, None, shares)
    central = _exp(raw[0]) if spec.link == "log" else float(raw[0])
    interval, transform = spec.interval, spec.transform
    if interval is None:
        return AnswerOne(_restored_one(central, transform), None, None, None)
    low, high = _ends_one(raw, central, interval)
    if transform == "log" and low <= _EXP_LIMIT and central <= _EXP_LIMIT and high <= _EXP_LIMIT:
        exp = np.exp  # as _restored_one, in fewer calls: most of what this function takes
        return AnswerOne(float(exp(central)), float(exp(low)), float(exp(high)), None)
    return AnswerOne(
        _restored_one(central, transform),
        _restored_one(low, transform),
        _restored_one(high, transform),
        None,
    )


def _ends_one(
    raw: Sequence[float], central: float, interval: PredictionInterval
) -> tuple[float, float]:
    if interval.of == "prediction":
        return central + interval.low_offset, central + interval.high_offset
    low, high = raw[1] + interval.low_offset, raw[2] + interval.high_offset
    return central if low > central else low, central if high < central else high


def _exp(value: float) -> float:
    """NumPy's exponential of one number; math.exp differs from it in the last bit."""
    if value > _EXP_LIMIT:
        with np.errstate(over="ignore"):
            return float(np.exp(value))
    return float(np.exp(value))


def _restored_one(value: float, transform: Transform | None) -> float:
    if transform is None:
        return value
    if transform == "log":
        return _exp(value)
    with np.errstate(over="ignore"):
        return float(np.expm1(value))


def _probabilities_one(raw: Sequence[float], link: Link) -> tuple[float, ...]:
    if link == "softmax":
        return _softmax_one(raw)
    if len(raw) > 1:
        return tuple(map(float, raw))
    positive = 1.0 / (1.0 + _exp(-float(raw[0]))) if link == "logit" else float(raw[0])
    return (1.0 - positive, positive)


def _softmax_one(raw: Sequence[float]) -> tuple[float, ...]:
    scores = [float(score) for score in raw]
    if any(score != score for score in scores):
        return (math.nan,) * len(scores)
    largest = max(scores)
    powers = [_exp(score - largest) for score in scores]
    total = powers[0]
    for power in powers[1:]:
        total += power
    return tuple(power / total for power in powers)


def _likeliest(shares: Sequence[float]) -> int:
    """As np.argmax: the first NaN, else the first of the largest."""
    best = 0
    for place, share in enumerate(shares):
        if share != share:
            return place
        if share > shares[best]:
            best = place
    return best
