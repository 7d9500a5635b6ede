"""What prediction intervals promise, and hold."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.evaluate.compare import Estimate


@dataclass(frozen=True, kw_only=True)
class PartCoverage:
    """How often intervals held the truth on some rows: of a slice, or of a stretch of time.

    ``width`` are the first decile, the median and the last decile of their widths, in the target's
    unit; ``relative_width`` the median of width over prediction, None unless all are above 0.
    """

    column: str
    label: str
    n: int
    coverage: Estimate | None = None
    width: tuple[float, float, float] | None = None
    relative_width: float | None = None


@dataclass(frozen=True, kw_only=True)
class IntervalsMeasured:
    """Prediction intervals of ``level`` on the test rows: all of them, by slice, and over time.

    ``unit`` is that of the widths.
    """

    level: float
    unit: str
    whole: PartCoverage
    slices: tuple[PartCoverage, ...] = ()
    periods: tuple[PartCoverage, ...] = ()
