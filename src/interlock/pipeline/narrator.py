"""Who tells the user what goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from interlock.report.content import Step
    from interlock.verdict import GateResult


class Narrator(Protocol):
    """Who tells the user what goes on; a silent one will do."""

    def began(self, header: str) -> None:
        """A delivery began; the header says of what, as of when, and what is live."""
        ...

    def noted(self, line: str) -> None:
        """Something that is good to know before a step ends."""
        ...

    def started(self, step: str) -> None:
        """A step began."""
        ...

    def finished(self, step: Step, result: GateResult | None = None) -> None:
        """A step ended; a gate has a result."""
        ...

    def progress(self, step: str, done: int, total: int) -> None:
        """So much of a step is done."""
        ...

    def doing(self, step: str, part: str) -> None:
        """A step has come to a part of it."""
        ...


class Silent:
    """A narrator that says nothing."""

    def began(self, header: str) -> None:
        """Nothing."""

    def noted(self, line: str) -> None:
        """Nothing."""

    def started(self, step: str) -> None:
        """Nothing."""

    def finished(self, step: Step, result: GateResult | None = None) -> None:
        """Nothing."""

    def progress(self, step: str, done: int, total: int) -> None:
        """Nothing."""

    def doing(self, step: str, part: str) -> None:
        """Nothing."""
