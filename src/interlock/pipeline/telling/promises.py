"""What a delivery has to tell of intervals and probabilities, as the model gate measured them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from interlock.pipeline.judging.written import read
from interlock.report import content as report


def with_intervals(
    summary: report.RegressionSummary, measured: Mapping[str, Any] | None
) -> report.RegressionSummary:
    """The summary with coverage and widths over all rows, by slice, and over time."""
    if measured is None:
        return summary
    found = report.IntervalsMeasured(
        level=measured["level"],
        unit=summary.unit,
        whole=_part(measured["whole"]),
        slices=tuple(map(_part, measured["slices"])),
        periods=tuple(map(_part, measured["periods"])),
    )
    return replace(
        summary,
        intervals=found,
        coverage=found.whole.coverage,
        coverage_periods=tuple(
            report.Period(label=part.label, n=part.n, error=part.coverage) for part in found.periods
        ),
    )


def with_calibration(
    summary: report.ClassesSummary, measured: Mapping[str, Any] | None
) -> report.ClassesSummary:
    """The summary with the calibration error and the reliability curve."""
    error = None if measured is None else read(measured["error"])
    if measured is None or error is None:
        return summary
    bins = [(one["promised"], read(one["observed"])) for one in measured["bins"]]
    return replace(
        summary,
        calibration=error,
        calibration_error=error.value,
        reliability=tuple(
            report.ReliabilityBin(predicted=promised, observed=observed)
            for promised, observed in bins
            if observed is not None
        ),
    )


def _part(row: Mapping[str, Any]) -> report.PartCoverage:
    width = row["width"]
    return report.PartCoverage(
        column=row["column"],
        label=row["label"],
        n=row["n"],
        coverage=read(row["coverage"]),
        width=None if width is None else (width[0], width[1], width[2]),
        relative_width=row["relative_width"],
    )
