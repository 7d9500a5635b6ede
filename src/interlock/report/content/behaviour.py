"""How the winner's answers followed changed requests, and the examples it was held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from interlock.evaluate.compare import Estimate
from interlock.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class BehaviourExample:
    """One request and what was answered to it.

    ``field`` was changed from ``was`` to ``became`` and the answer went from ``before`` to
    ``after``: numbers, or one probability a class. Of an example that was not changed there is
    the request and what was answered, ``after``, alone.
    """

    request: Mapping[str, Any]
    after: Any
    field: str = ""
    was: Any = None
    became: Any = None
    before: Any = None


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """One behaviour check: ``kind`` is directional, invariant or example.

    Of ``rows`` requests tried, ``violations`` broke the rule; ``share`` is their share with its
    interval and ``limit`` the largest admitted, both None for an example. ``skipped`` counts
    requests that could not be changed, by reason; ``worst`` are those that broke the rule most, or
    the example itself.
    """

    name: str
    kind: str
    verdict: Verdict
    rows: int
    violations: int
    share: Estimate | None = None
    limit: float | None = None
    skipped: Mapping[str, int] = field(default_factory=dict)
    worst: tuple[BehaviourExample, ...] = ()
    reason: str = ""
