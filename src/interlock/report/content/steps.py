"""The steps of the path, as a report lists them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class StepStatus(StrEnum):
    """What became of a step of the path."""

    RAN = "ran"
    CACHED = "cached"
    FAILED = "failed"
    WAIVED = "waived"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the path: its status, its duration, and one line of detail."""

    name: str
    status: StepStatus
    seconds: float | None = None
    detail: str = ""
