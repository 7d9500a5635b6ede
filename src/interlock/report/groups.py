"""Errors over time and by slice: rows are grouped, and each group gets an estimate.

``estimate`` takes the positions of a group's rows and gives its error; a group without rows
has none. Periods are months, or weeks where the rows span less than half a year; an empty one
between two others is kept, so that a gap in time is seen as a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.compare import Estimate
from interlock.report.content import Period, SliceError

Positions = NDArray[np.int64]
EstimateOf = Callable[[Positions], Estimate | None]

_WEEKS_UNTIL = np.timedelta64(183, "D")
_MOST_PERIODS = 60


def periods(instants: NDArray[np.int64], estimate: EstimateOf) -> tuple[Period, ...]:
    """One period after the other; ``instants`` (n,) in microseconds UTC."""
    if len(instants) == 0:
        return ()
    times = instants.astype("datetime64[us]")
    weekly = times.max() - times.min() < _WEEKS_UNTIL
    kept = _weeks(times) if weekly else times.astype("datetime64[M]").astype(np.int64)
    numbers = np.arange(kept.min(), kept.max() + 1)[-_MOST_PERIODS:]
    found = []
    for number in numbers:
        positions = np.flatnonzero(kept == number)
        label = _week_label(number) if weekly else str(np.datetime64(int(number), "M"))
        found.append(Period(label=label, n=len(positions), error=estimate(positions)))
    return tuple(found)


def slices(
    columns: Mapping[str, Sequence[object]], estimate: EstimateOf, *, most: int = 12
) -> tuple[SliceError, ...]:
    """For each column its ``most`` frequent values, the most frequent first."""
    found: list[SliceError] = []
    for column in sorted(columns):
        labels = np.array([_label(value) for value in columns[column]], dtype=object)
        values, counts = np.unique(labels.astype(str), return_counts=True)
        order = sorted(range(len(values)), key=lambda i: (-counts[i], values[i]))
        for i in order[:most]:
            error = estimate(np.flatnonzero(labels == values[i]))
            if error is not None:
                found.append(SliceError(column=column, label=str(values[i]), error=error))
    return tuple(found)


def _label(value: object) -> str:
    return "missing" if value is None or value != value else str(value)


def _weeks(times: NDArray[np.datetime64]) -> NDArray[np.int64]:
    days = times.astype("datetime64[D]").astype(np.int64)
    return (days + 3) // 7  # 1970-01-01 was a Thursday; weeks begin on Monday


def _week_label(number: np.int64) -> str:
    return str(np.datetime64(int(number) * 7 - 3, "D"))
