"""What a delivery is asked for, and the words for how it ended."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.deploy.environment import Environment, passed, waivable
from interlock.pipeline.revision import Revision

RUNNING, DELIVERED, UNCHANGED, BLOCKED, FAILED = (
    "running",
    "delivered",
    "unchanged",
    "blocked",
    "failed",
)


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What to deliver, how far, and from which revision of the project."""

    path: tuple[Environment, ...]
    revision: Revision
    resume: bool = False
    unpin: bool = False

    @property
    def passed(self) -> tuple[Environment, ...]:
        """Those of the path that the release is deployed in, the last one last."""
        return passed(self.path)

    @property
    def waivable(self) -> tuple[str, ...]:
        """The gates whose waivers every one of them accepts."""
        return waivable(self.passed)

    @property
    def last(self) -> Environment:
        """The last environment of the path."""
        return self.path[-1]
