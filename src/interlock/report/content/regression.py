"""A regression's test rows, summarised."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.evaluate.compare import Estimate
from interlock.report.content.parts import Period, SliceError
from interlock.report.content.promises import IntervalsMeasured


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Counts between edges; what lies outside is counted, not dropped."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    below: int = 0
    above: int = 0


@dataclass(frozen=True, kw_only=True)
class Decile:
    """Rows grouped by their prediction: its median, and the median of what came true."""

    n: int
    predicted: float
    actual: float


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Prediction (across) against truth (up), counted in hexagons over ``low``…``high``.

    ``cells`` holds (column, row, rows in it); odd rows stand half a hexagon to the right.
    """

    low: float
    high: float
    logarithmic: bool
    columns: int
    cells: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, kw_only=True)
class RegressionSummary:
    """A regression's test rows, summarised; made by :mod:`interlock.report.residuals`."""

    target: str
    unit: str
    n: int
    unusable: int
    relative: bool
    residuals: Histogram | None = None
    cloud: Cloud | None = None
    deciles: tuple[Decile, ...] = ()
    periods: tuple[Period, ...] = ()
    slices: tuple[SliceError, ...] = ()
    overall: Estimate | None = None
    coverage: Estimate | None = None
    coverage_periods: tuple[Period, ...] = ()
    intervals: IntervalsMeasured | None = None
    promised: float | None = None
