"""Where a planned fault takes place: a service of its own, and requests whose answers are known.

What the service says while something is broken is right (the very answer that it gives when it is
well), a refusal that the fault explains, or an answer with declared defaults, marked as degraded,
where the plan has it so. Anything else is wrong, and told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interlock.clock import monotonic
from interlock.gates.service.stress import FaultOutcome
from interlock.pipeline.probes.client import Client, Reply
from interlock.serve.plan import ServePlan
from interlock.serve.workers.process import RunningService

RECOVERY_SECONDS = 30.0  # after which a service that is not right again counts as broken
_PAUSE_SECONDS = 0.05
_SHOWN = 20  # wrong answers told
_OWN = ("id",)  # what differs from answer to answer


@dataclass(frozen=True, kw_only=True)
class Known:
    """A request, and the answer to it without what is the answer's own."""

    request: Mapping[str, Any]
    due: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What a fault needs: how to start a service, its plan, a folder of its own, known answers."""

    launch: Callable[[ServePlan], RunningService]
    plan: ServePlan
    place: Path
    known: Sequence[Known]


def known_answers(client: Client, requests: Sequence[Mapping[str, Any]]) -> tuple[Known, ...]:
    """What a service that is well answers to those requests that it answers."""
    found = [(request, client.predict(request)) for request in requests]
    return tuple(Known(request=r, due=_said(reply)) for r, reply in found if reply.status == 200)


def _said(reply: Reply) -> Mapping[str, Any]:
    value = reply.value if isinstance(reply.value, dict) else {}
    return {name: said for name, said in value.items() if name not in _OWN}


@dataclass(kw_only=True)
class Sorted:
    """Answers sorted into right, refused, degraded and wrong.

    ``refusals`` are the codes that the fault explains; ``defaults``: whether degraded answers are
    what the plan asks for; ``may_lose``: whether a connection may end without an answer. ``ids``
    are those of every prediction that was answered.
    """

    refusals: Collection[str]
    defaults: bool = False
    may_lose: bool = False
    asked: int = 0
    answered: int = 0
    refused: int = 0
    degraded: int = 0
    wrong: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def ask(self, client: Client, known: Known) -> bool:
        """Ask once; whether the answer was right."""
        reply = client.predict(known.request)
        self.asked += 1
        right = reply.status == 200 and _said(reply) == known.due
        if reply.status == 200 and isinstance(reply.value, dict):
            self.ids.append(str(reply.value.get("id")))
        if right:
            self.answered += 1
        elif self._is_refusal(reply):
            self.refused += 1
        elif self.defaults and reply.status == 200 and _said(reply).get("degraded") is True:
            self.degraded += 1
        else:
            self.wrong.append(f"due {_short(known.due)}, got {reply.short}")
        return right

    def ask_all(self, client: Client, known: Sequence[Known]) -> bool:
        """Ask for all; whether all were answered rightly."""
        right = [self.ask(client, one) for one in known]
        return all(right)

    def _is_refusal(self, reply: Reply) -> bool:
        if reply.status == 0:
            return self.may_lose
        return reply.status == 503 and reply.error_code in self.refusals

    def outcome(
        self,
        fault: str,
        recovered: float | None,
        problem: str = "",
        *,
        noticed: bool | None = None,
    ) -> FaultOutcome:
        """What it came to; a fault that made no difference to anything was none."""
        seen = self.refused + self.degraded > 0 if noticed is None else noticed
        if not (problem or self.wrong or seen):
            problem = "the fault made no difference: every request was answered as before"
        return FaultOutcome(
            fault=fault,
            asked=self.asked,
            answered=self.answered,
            refused=self.refused,
            degraded=self.degraded,
            wrong=tuple(self.wrong[:_SHOWN]),
            recovered_seconds=recovered,
            problem=problem,
        )


def recovery(client: Client, known: Sequence[Known]) -> float | None:
    """Seconds until all requests are answered rightly again; None where that takes too long."""
    begun = monotonic()
    while monotonic() - begun < RECOVERY_SECONDS:
        probe = Sorted(refusals=())
        if probe.ask_all(client, known):
            return monotonic() - begun
        time.sleep(_PAUSE_SECONDS)
    return None


def slowest(recovered: Sequence[float | None]) -> float | None:
    """The longest of several recoveries; None where one was none.

    >>> slowest([0.5, 2.0]), slowest([0.5, None])
    (2.0, None)
    """
    found = [seconds for seconds in recovered if seconds is not None]
    return max(found) if found and len(found) == len(recovered) else None


def _short(due: Mapping[str, Any]) -> str:
    return f"prediction {due.get('prediction')}"
