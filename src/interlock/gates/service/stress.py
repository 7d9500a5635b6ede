"""What the full form of the service gate measures beside the quick one.

>>> LoadWindow.of([0.002, None, 0.4], limit_seconds=0.25)
LoadWindow(n=3, late=2, unanswered=1)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from interlock.verdict import Exemption


@dataclass(frozen=True, kw_only=True)
class LoadWindow:
    """Requests that were due one after the other: ``late`` were not answered within the limit.

    Of those ``unanswered`` got no answer with status 200 at all.
    """

    n: int
    late: int
    unanswered: int

    @classmethod
    def of(cls, seconds: Sequence[float | None], *, limit_seconds: float) -> LoadWindow:
        """The window of these durations; None is a request that was not answered."""
        unanswered = sum(taken is None for taken in seconds)
        slow = sum(taken is not None and not taken <= limit_seconds for taken in seconds)
        return cls(n=len(seconds), late=slow + unanswered, unanswered=unanswered)


@dataclass(frozen=True, kw_only=True)
class LoadStep:
    """A stretch of load at one rate, whose requests were due at moments fixed before it began.

    ``offered`` and ``answered`` are requests a second; durations count from the moment at which a
    request was due, so that whatever had to wait behind a stall is late too; None where nothing was
    answered. ``behind_seconds`` is how much later than due the load generator itself came, at most.
    ``judged`` steps are those that a check asked for.
    """

    offered: float
    seconds: float
    connections: int
    limit_seconds: float
    answered: float
    windows: tuple[LoadWindow, ...]
    p50_seconds: float | None = None
    p99_seconds: float | None = None
    behind_seconds: float = 0.0
    judged: bool = True
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class FuzzOutcome:
    """What generated requests came to.

    ``sent`` requests over ``operations`` of the API's description; ``fitting`` of them fitted it
    and were answered with 200; ``wrong`` describes those whose answer it does not allow.
    """

    operations: int
    sent: int
    fitting: int
    wrong: tuple[str, ...] = ()
    seed: str = ""


@dataclass(frozen=True, kw_only=True)
class FaultOutcome:
    """What the service did while something around it was broken on purpose.

    ``asked`` requests were sent while it was; ``answered`` of them were answered rightly,
    ``refused`` with a status that says so, ``degraded`` with declared defaults, and marked.
    ``wrong`` describes what was none of these. ``recovered_seconds`` is how long after the end of
    the fault all was right again, None where it never was. ``exempt`` says why it was not planned.
    """

    fault: str
    asked: int = 0
    answered: int = 0
    refused: int = 0
    degraded: int = 0
    wrong: tuple[str, ...] = ()
    recovered_seconds: float | None = None
    exempt: Exemption | None = None
    problem: str = ""
