"""When labels come: measured where the data say, and inferred from those that fail to come.

A product declares after how long a label is known. If that is too short, the newest rows lose the
labels that are late, and a model learns from those that were quick. Two things betray it: where a
source says when each row became known, the delay itself; and everywhere, labels that are missing
more often among the rows whose label has only just come due than among the older ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NEWEST_SHARE = 10  # the newest tenth of the rows that are due …
NEWEST_ROWS = 200  # … and so many at least

Instants = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class MeasuredDelay:
    """How long labels took: of ``n`` labels, ``late`` were known later than declared.

    ``median`` and ``p95`` are spans in µs, from the event, or from the row's first revision where
    no delay is declared.
    """

    n: int
    late: int
    median: int
    p95: int


@dataclass(frozen=True, kw_only=True)
class LabelTimes:
    """Counts of the examples' rows by their labels. ``delay`` is the one declared, µs.

    ``waiting`` rows are not due yet. Of those due, ``newest`` and ``older`` ones are told apart,
    and in each those ``without`` a label counted. ``measured`` is None where the source does not
    say when its rows became known.
    """

    rows: int
    waiting: int
    newest: int
    newest_without: int
    older: int
    older_without: int
    delay: int
    measured: MeasuredDelay | None = None

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> LabelTimes:
        """The inverse of :meth:`to_row`."""
        measured = row["measured"]
        return cls(**{**row, "measured": None if measured is None else MeasuredDelay(**measured)})


def label_times(
    event: Instants,
    has_label: Mask,
    *,
    as_of: int,
    delay: int,
    measured: MeasuredDelay | None = None,
) -> LabelTimes:
    """``event`` and ``has_label`` (n_rows,); a row is due ``delay`` after its event, at ``as_of``.

    >>> days = np.arange(1_000) * 86_400_000_000
    >>> found = label_times(days, days < days[950], as_of=int(days[989]), delay=0)
    >>> found.waiting, found.older, found.older_without, found.newest, found.newest_without
    (10, 790, 0, 200, 40)
    """
    due = np.flatnonzero(event + delay <= as_of)
    ranked = due[np.argsort(event[due], kind="stable")]
    cut = max(0, len(ranked) - max(NEWEST_ROWS, len(ranked) // NEWEST_SHARE))
    older, newest = ranked[:cut], ranked[cut:]
    return LabelTimes(
        rows=len(event),
        waiting=len(event) - len(due),
        newest=len(newest),
        newest_without=int((~has_label[newest]).sum()),
        older=len(older),
        older_without=int((~has_label[older]).sum()),
        delay=delay,
        measured=measured,
    )


def measured_delay(spans: NDArray[np.int64], *, delay: int) -> MeasuredDelay | None:
    """From each label's span until the moment it was first known, µs, (n_labels,).

    None without labels. Labels that have not come yet have no span, so that a delay measured on few
    and new rows is too short.
    """
    if not len(spans):
        return None
    median, p95 = np.quantile(spans, [0.5, 0.95], method="higher")
    return MeasuredDelay(
        n=len(spans), late=int((spans > delay).sum()), median=int(median), p95=int(p95)
    )
