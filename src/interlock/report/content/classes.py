"""A classifier's test rows, summarised."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.evaluate.compare import Estimate
from interlock.report.content.parts import Period, SliceError


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Rows of similar predicted probability, and how often it came true."""

    predicted: float
    observed: Estimate


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Points of a ROC or precision–recall curve, and the area under it."""

    points: tuple[tuple[float, float], ...]
    area: float


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """How well one class is found at the release's decision: ``support`` test rows are of it.

    Shares of 1, but ``brier``, the mean squared error of the class's probability, and ``roc_auc``,
    how well that ranks its rows before all others'. None where undefined: a precision of a class
    that was never answered.
    """

    name: str
    support: int
    precision: Estimate | None = None
    recall: Estimate | None = None
    f1: Estimate | None = None
    brier: Estimate | None = None
    roc_auc: Estimate | None = None


@dataclass(frozen=True, kw_only=True)
class ThresholdPoint:
    """A threshold, what was measured at it on the tune rows, and the 95 % interval of that."""

    threshold: float
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Decision:
    """How the release decides which class it answers, and what that rests on.

    ``rule`` says it in a sentence. With two classes "yes" is answered from ``threshold`` on; it was
    chosen on ``n`` tune rows, and other rows would have moved it between ``low`` and ``high``, the
    95 % interval; None where it was declared as a number. ``measure`` names what was made least
    ("cost", in ``unit``) or greatest ("f2"), "" for a declared number; ``value`` is that on the
    tune rows, ``curve`` over all thresholds. ``due`` is the threshold that is best where
    probabilities come true as often as they say. With more classes there is no threshold, and
    ``costs[true][answered]`` are what wrong answers cost.
    """

    rule: str
    n: int
    threshold: float | None = None
    low: float | None = None
    high: float | None = None
    due: float | None = None
    measure: str = ""
    unit: str = ""
    value: Estimate | None = None
    curve: tuple[ThresholdPoint, ...] = ()
    costs: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, kw_only=True)
class ClassesSummary:
    """A classifier's test rows, summarised; made by :mod:`interlock.report.classes`.

    ``confusion[true][answered]`` counts rows at the release's decision; ``confusion_shares`` are
    those shares of the true class's rows with their intervals, empty where there are too many
    classes. ``scores`` has one entry a class; ``decision`` is None where the likeliest class is
    answered. ``calibration`` is the expected calibration error, a share.
    """

    target: str
    n: int
    unusable: int
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...] = ()
    reliability: tuple[ReliabilityBin, ...] = ()
    calibration_error: float | None = None
    roc: Curve | None = None
    precision_recall: Curve | None = None
    positive_share: float | None = None
    periods: tuple[Period, ...] = ()
    slices: tuple[SliceError, ...] = ()
    overall: Estimate | None = None
    confusion_shares: tuple[tuple[Estimate | None, ...], ...] = ()
    scores: tuple[ClassScore, ...] = ()
    decision: Decision | None = None
    calibration: Estimate | None = None
