"""Limits beyond which a number is an outlier, fitted to training rows.

By default on a log scale where the values are positive, as prices, areas and durations are: then
limits are factors of the median, and a house sold for 2,000 USD lies beyond them.

>>> limits = fit_limits("price", [float(p) for p in range(50_000, 150_000, 1_000)])
>>> limits.reason(2_000.0), limits.reason(90_000.0)
('price 2,000 is outside 27,480 to 360,263', '')
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.release.segments import Why, number_text
from interlock.stats.robust import CUTOFF, modified_z_limits

FEWEST = 30
"""Fewer values say too little of their spread: a group then has the limits of all rows."""
_POSITIVE = 0.99  # share of values above 0 from which a log scale is taken

_LARGEST_EXPONENT = math.log(sys.float_info.max)

Ends = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Lowest and highest value of ``name`` that is no outlier, both inclusive.

    ``groups`` holds those of each value of ``by`` that had rows enough; all others have ``ends``.
    ``log`` says on which scale they were fitted, ``n`` to how many values.
    """

    name: str
    ends: Ends
    log: bool
    cutoff: float
    n: int
    by: str = ""
    groups: Mapping[Any, Ends] = field(default_factory=dict)

    def reason(self, value: Any, group: Any = None) -> str:
        """Why the value is an outlier; "" where it is none, or missing."""
        if value is None:
            return ""
        low, high = self.groups.get(group, self.ends) if self.by else self.ends
        if low <= value <= high:
            return ""
        apart = f" of {self.by} {group}" if group in self.groups else ""
        shown = number_text(value)
        return f"{self.name} {shown} is outside {_span((low, high))}{apart}"

    @property
    def text(self) -> str:
        """What is held against it, without a value."""
        if self.by:
            return f"{self.name} is outside the limits of its {self.by}"
        return f"{self.name} is outside {_span(self.ends)}"

    @property
    def span(self) -> str:
        """'price from 7,376 to 581,641'."""
        low, high = (number_text(end) for end in self.ends)
        apart = f"; {len(self.groups):,} of {self.by} have limits of their own" if self.by else ""
        return f"{self.name} from {low} to {high}{apart}"

    def reader(self, names: Sequence[str]) -> Why:
        """A function that says of a row of ``names``' values why it is an outlier, or ""."""
        place = names.index(self.name)
        if self.by:
            group = names.index(self.by)
            return lambda known: self.reason(known[place], known[group])
        low, high = self.ends

        def why(known: tuple[Any, ...]) -> str:
            value = known[place]
            return "" if value is None or low <= value <= high else self.reason(value)

        return why

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values, groups in order."""
        groups = sorted(self.groups.items(), key=lambda item: (type(item[0]).__name__, item[0]))
        return {
            "name": self.name,
            "ends": list(self.ends),
            "log": self.log,
            "cutoff": self.cutoff,
            "n": self.n,
            "by": self.by,
            "groups": [[group, *ends] for group, ends in groups],
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Limits:
        """The inverse of :meth:`to_row`."""
        low, high = row["ends"]
        groups = {group: (low, high) for group, low, high in row["groups"]}
        return cls(**{**row, "ends": (low, high), "groups": groups})


def fit_limits(
    name: str,
    values: Sequence[float] | NDArray[np.float64],
    *,
    cutoff: float = CUTOFF,
    log: bool | None = None,
    by: str = "",
    groups: Sequence[Any] = (),
) -> Limits | None:
    """Limits from training values (n_rows,) by the modified z-score; NaN is missing.

    ``log`` None takes a log scale where 99 of 100 values are above 0; those that are not are then
    outliers. ``groups`` (n_rows,) gives each its own limits. None where fewer than
    :data:`FEWEST` values are known or all are equal. Method: Iglewicz & Hoaglin (1993).
    """
    found = np.asarray(values, dtype=np.float64)
    known = found[np.isfinite(found)]
    if len(known) < FEWEST:
        return None
    scaled = bool(np.mean(known > 0) >= _POSITIVE) if log is None else log
    ends = _ends(known, cutoff, scaled)
    if ends is None:
        return None
    return Limits(
        name=name,
        ends=ends,
        log=scaled,
        cutoff=cutoff,
        n=len(known),
        by=by,
        groups=_by_group(found, groups, cutoff, scaled) if by else {},
    )


def _by_group(
    values: NDArray[np.float64], groups: Sequence[Any], cutoff: float, log: bool
) -> dict[Any, Ends]:
    rows: dict[Any, list[int]] = {}
    for row, group in enumerate(groups):
        if group is not None:
            rows.setdefault(group, []).append(row)
    found = {}
    for group, places in rows.items():
        own = values[places]
        if np.isfinite(own).sum() >= FEWEST and (ends := _ends(own, cutoff, log)) is not None:
            found[group] = ends
    return found


def _ends(values: NDArray[np.float64], cutoff: float, log: bool) -> Ends | None:
    ends = modified_z_limits(np.log(values[values > 0]) if log else values, cutoff)
    if ends is None:
        return None
    low, high = (_finite(math.exp(min(end, _LARGEST_EXPONENT)) if log else end) for end in ends)
    return low, high


def _finite(end: float) -> float:
    """Limits are kept as JSON, which has no infinity."""
    return max(-sys.float_info.max, min(sys.float_info.max, end))


def _span(ends: Ends) -> str:
    return f"{number_text(ends[0])} to {number_text(ends[1])}"
