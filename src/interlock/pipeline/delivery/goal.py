"""What a delivery is asked for, and the words for how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from interlock.deploy.environment import Environment, passed, waivable
from interlock.gates.service.form import Form
from interlock.pipeline.delivery.revision import Revision

USUAL = "prod"  # where a delivery goes unless it says
_NAMED = 3  # changed files that are told by name
RUNNING, INTERRUPTED, DELIVERED, HELD, UNCHANGED, BLOCKED, FAILED = (
    "running",
    "interrupted",
    "delivered",
    "held",
    "unchanged",
    "blocked",
    "failed",
)


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What to deliver, how far, and from which revision of the project.

    ``full`` asks for the full form of the service gate, whatever the environments ask for;
    ``hold``: prove the release for the last environment, and leave what is live there; ``log_full``
    is what the services are to do when the log's disk is full. ``product`` is its name where the
    project has several, so that commands must say it.
    """

    path: tuple[Environment, ...]
    revision: Revision
    resume: bool = False
    unpin: bool = False
    full: bool = False
    hold: bool = False
    log_full: Literal["refuse", "drop"] = "refuse"
    product: str = ""

    @property
    def passed(self) -> tuple[Environment, ...]:
        """Those of the path that the release is deployed in, the last one last."""
        return passed(self.path)

    @property
    def command(self) -> str:
        """What asks for the same once more, as of the present."""
        to = "" if self.last.name == USUAL else f" --to {self.last.name}"
        return "interlock deliver" + to + " --full" * self.full + " --hold" * self.hold

    @property
    def there(self) -> str:
        """What tells a command where this leads; nothing for where it looks anyway."""
        return "" if self.last.name == USUAL else f" --environment {self.last.name}"

    @property
    def form(self) -> Form:
        """How much the service gate asks: in full where any environment on the way wants it so."""
        wanted = self.full or any(e.policy.full_service_gate for e in self.passed)
        return Form.FULL if wanted else Form.QUICK

    @property
    def foreseen(self) -> str | None:
        """What will keep the release out of an environment for certain, told before any work."""
        strict = [e.name for e in self.passed if not e.policy.allow_dirty]
        if not self.revision.dirty or not strict:
            return None
        named = ", ".join(self.revision.changed[:_NAMED])
        more = " …" * (len(self.revision.changed) > _NAMED)
        return (
            f"{strict[0]} will not admit what is made of uncommitted changes"
            f"{f' ({named}{more})' if named else ''}: commit them, or have git ignore them"
        )

    @property
    def waivable(self) -> tuple[str, ...]:
        """The gates whose waivers every one of them accepts."""
        return waivable(self.passed)

    @property
    def last(self) -> Environment:
        """The last environment of the path."""
        return self.path[-1]
