"""Slices that a check judged together: what each has, and what is allowed in it."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.evaluate.compare import Estimate
from interlock.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class SliceFinding:
    """The rows where ``column`` is ``label``, a ``share`` of all.

    ``allowed`` is the limit there, which may rest on what ``reference`` (the champion, or all rows)
    has. ``q`` is the p-value adjusted for all slices asked. ``verdict`` is None, and ``reason``
    says why, for a slice that could not be judged.
    """

    column: str
    label: str
    n: int
    share: float
    value: Estimate | None = None
    reference: float | None = None
    allowed: float | None = None
    q: float | None = None
    verdict: Verdict | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class SlicesJudged:
    """All slices that one check looked at; ``unit`` is that of their values."""

    name: str
    verdict: Verdict
    unit: str
    slices: tuple[SliceFinding, ...]
    reason: str = ""
