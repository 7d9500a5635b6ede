"""Errors within parts of the test rows: stretches of time, values of a column."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.evaluate.compare import Estimate


@dataclass(frozen=True, kw_only=True)
class Period:
    """The error in one stretch of time; no estimate where no row fell into it."""

    label: str
    n: int
    error: Estimate | None = None


@dataclass(frozen=True, kw_only=True)
class SliceError:
    """The error on the rows where ``column`` is ``label``."""

    column: str
    label: str
    error: Estimate
