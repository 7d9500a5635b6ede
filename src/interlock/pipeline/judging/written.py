"""Estimates as a stage's output keeps them: plain JSON values, and back.

>>> read(written(Estimate(value=0.8, interval=None, n=10, units=10))).value
0.8
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.evaluate.compare import Estimate
from interlock.verdict import Interval


def written(found: Estimate | None) -> dict[str, Any] | None:
    """Plain JSON values; an undefined value becomes null."""
    if found is None:
        return None
    return {
        "value": None if found.value != found.value else found.value,
        "low": found.interval.low if found.interval else None,
        "high": found.interval.high if found.interval else None,
        "n": found.n,
        "units": found.units,
        "resamples": found.resamples,
    }


def read(row: Mapping[str, Any] | None) -> Estimate | None:
    """The inverse of :func:`written`; None for an undefined value."""
    if row is None or row["value"] is None:
        return None
    known = row["low"] is not None and row["high"] is not None
    return Estimate(
        value=row["value"],
        interval=Interval(low=row["low"], high=row["high"]) if known else None,
        n=row["n"],
        units=row["units"],
        resamples=row["resamples"],
    )
