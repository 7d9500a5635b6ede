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
class ClassesSummary:
    """A classifier's test rows, summarised; made by :mod:`interlock.report.classes`."""

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
