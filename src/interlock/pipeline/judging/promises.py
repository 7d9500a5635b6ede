"""What the winner promises beside its answers, and whether it holds: intervals and probabilities.

Measured in every delivery, whether a check asks for it or not: the report shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.calibration import calibration_error, reliability
from interlock.evaluate.coverage import ServedIntervals, coverages, widths
from interlock.evaluate.parts import Part
from interlock.gates.model.cuts import parts_by
from interlock.gates.model.measurement import WinnerMeasurement
from interlock.pipeline.judging.written import written
from interlock.report.groups import Positions, periods


def measured_intervals(
    measurement: WinnerMeasurement, instants: NDArray[np.int64] | None
) -> dict[str, Any] | None:
    """Coverage and width of prediction intervals: of all rows, by slice, and over time.

    None where the winner gives none, or ends that are no numbers. ``instants`` (n_rows,) are None
    where the product has no time.
    """
    served = measurement.intervals
    if served is None or measurement.promised is None or served.flaw or not len(served.y):
        return None
    whole = Part.whole(len(served.y))
    stretches = [] if instants is None else _stretches(instants)
    slices = parts_by(measurement, measurement.automatic)
    rows = _rows(measurement, served, [whole, *slices, *stretches])
    middle = 1 + len(slices)
    return {
        "level": measurement.promised,
        "whole": rows[0],
        "slices": rows[1:middle],
        "periods": rows[middle:],
    }


def measured_calibration(measurement: WinnerMeasurement) -> dict[str, Any] | None:
    """The calibration error and the reliability curve; None for a regression."""
    if not len(measurement.y):
        return None
    prediction = measurement.predictions[measurement.winner]
    if np.asarray(prediction).ndim != 2:
        return None
    drawn = measurement.resamples
    return {
        "error": written(calibration_error(measurement.y, prediction, drawn)),
        "bins": [
            {"promised": one.promised, "observed": written(one.observed)}
            for one in reliability(measurement.y, prediction, drawn)
        ],
    }


def _rows(
    measurement: WinnerMeasurement, served: ServedIntervals, parts: Sequence[Part]
) -> list[dict[str, Any]]:
    found = coverages(served, parts, measurement.resamples)
    relative = _relative_widths(measurement, served)
    return [
        {
            "column": part.column,
            "label": part.label,
            "n": part.n,
            "coverage": written(estimate) if part.n else None,
            "width": _widths(served, part),
            "relative_width": _median(relative, part),
        }
        for part, estimate in zip(parts, found, strict=True)
    ]


def _widths(served: ServedIntervals, part: Part) -> list[float] | None:
    if not part.n:
        return None
    found = widths(served, part.rows)
    return [found.tenth, found.median, found.nine_tenths]


def _relative_widths(
    measurement: WinnerMeasurement, served: ServedIntervals
) -> NDArray[np.float64] | None:
    """Widths as shares of the prediction, where every prediction is above 0."""
    prediction = np.asarray(measurement.predictions[measurement.winner])
    return served.width / prediction if (prediction > 0).all() else None


def _median(values: NDArray[np.float64] | None, part: Part) -> float | None:
    return None if values is None or not part.n else float(np.median(values[part.rows]))


def _stretches(instants: NDArray[np.int64]) -> list[Part]:
    """The weeks or months that the report cuts time into."""
    found: list[Part] = []

    def keep(positions: Positions) -> None:
        rows = np.zeros(len(instants), dtype=bool)
        rows[positions] = True
        found.append(Part(column="time", label="", rows=rows))

    named = periods(instants, keep)
    return [
        Part(column="time", label=period.label, rows=part.rows)
        for period, part in zip(named, found, strict=True)
    ]
