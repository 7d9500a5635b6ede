"""Groups of rows that a fairness check compared."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.evaluate.compare import Estimate
from interlock.verdict import Check


@dataclass(frozen=True, kw_only=True)
class GroupValue:
    """What one group has; ``value`` is None, and ``reason`` says why, where it was not judged.

    ``n`` counts the group's rows; the value rests on those that the measure is about.
    """

    label: str
    n: int
    value: Estimate | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class GroupsCompared:
    """All groups by one measure, such as the true positive rate, in ``unit``."""

    measure: str
    unit: str
    groups: tuple[GroupValue, ...]


@dataclass(frozen=True, kw_only=True)
class FairnessJudged:
    """One check, about the two groups furthest apart, and what it compared."""

    check: Check
    compared: tuple[GroupsCompared, ...]
