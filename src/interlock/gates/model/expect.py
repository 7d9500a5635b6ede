"""Examples that a model must get right, as it is asked by its consumers.

>>> house = Expect({"rooms": 12}, at_least=90_000, name="a big house")
>>> house.title, house.to_row()["at_least"]
('a big house', 90000)
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from interlock.evaluate.judge import Limit, exact, judge
from interlock.evaluate.metrics import format_value
from interlock.gates.finding import finite, unmeasured
from interlock.gates.model.behaviour import Behaviour, unusable
from interlock.gates.model.measurement import WinnerMeasurement
from interlock.gates.model.tried import plain
from interlock.verdict import Check, Verdict


@dataclass(frozen=True)
class Expect(Behaviour):
    """The answer to one whole ``request``, as a consumer would send it: an example to hold to.

    ``at_least`` and ``at_most`` bound the number, or the probability of the positive class;
    ``equals`` names the class that must be answered. History features are those of the request's
    own time. ``name`` says what the example is.
    """

    request: Mapping[str, Any]
    at_least: float | None = None
    at_most: float | None = None
    equals: Any = None
    name: str = ""

    @property
    def title(self) -> str:
        """The example's name, or the request itself."""
        return self.name or f"expected of {_listed(self.request)}"

    def validate(self) -> None:
        """Raises AuthorError for a declaration that cannot be used."""
        bounds = [b for b in (self.at_least, self.at_most) if b is not None]
        if not isinstance(self.request, Mapping) or bool(bounds) == (self.equals is not None):
            raise unusable(self, "a request, and at_least= or at_most=, or equals= a class")
        for bound in bounds:
            finite(bound, "M230", "Expect", low=-math.inf)
        if len(bounds) == 2 and bounds[0] > bounds[1]:
            raise unusable(self, "at_least= no greater than at_most=")

    def to_row(self) -> dict[str, Any]:
        """The declaration, plain."""
        request = {name: plain(value) for name, value in self.request.items()}
        row = {"check": "Expect", "request": request, "name": self.name}
        rest = {"at_least": self.at_least, "at_most": self.at_most, "equals": self.equals}
        return row | {name: value for name, value in rest.items() if value is not None}

    def judge(self, measurement: WinnerMeasurement) -> tuple[Check, ...]:
        """One answer a bound, or one for the class."""
        found = measurement.expected.get(self.key)
        if found is None or found.reason:
            why = "it was not asked" if found is None else found.reason
            return (unmeasured(self.title, "M232", f"the example has no answer: {why}"),)
        if self.equals is not None:
            return (self._class(found.answered, measurement),)
        unit = measurement.target_unit
        limits = [Limit(at_least=self.at_least)] if self.at_least is not None else []
        limits += [Limit(at_most=self.at_most)] if self.at_most is not None else []
        return tuple(self._bound(found.value, limit, unit, measurement) for limit in limits)

    def _bound(
        self, value: float | None, limit: Limit, unit: str, measurement: WinnerMeasurement
    ) -> Check:
        if value is None or not math.isfinite(value):
            return unmeasured(self.title, "M232", "the example's answer is no finite number")
        verdict = judge(exact(value), limit)
        shown = f"answered {format_value(value, unit)}, must be {limit.glyph} "
        return Check(
            name=self.title,
            verdict=verdict,
            measured=value,
            comparison=limit.glyph,
            threshold=limit.value,
            unit=unit,
            n=1,
            reason="" if verdict is Verdict.PASSED else shown + format_value(limit.value, unit),
            evidence=self._evidence(verdict, value, measurement),
        )

    def _class(self, answered: Any, measurement: WinnerMeasurement) -> Check:
        right = answered is not None and answered == self.equals
        verdict = Verdict.PASSED if right else Verdict.FAILED
        return Check(
            name=self.title,
            verdict=verdict,
            n=1,
            reason="" if right else f"answered {answered}, must be {self.equals}",
            evidence=self._evidence(verdict, answered, measurement),
        )

    def _evidence(
        self, verdict: Verdict, answered: Any, measurement: WinnerMeasurement
    ) -> dict[str, Any]:
        request = {name: plain(value) for name, value in self.request.items()}
        shown = {
            "kind": "example",
            "candidate": measurement.winner,
            "rows": 1,
            "violations": int(verdict is not Verdict.PASSED),
            "skipped": {},
            "worst": [{"request": request, "after": answered}],
        }
        code = {} if verdict is Verdict.PASSED else {"code": "M233"}
        return {**code, "behaviour": shown}


def _listed(request: Any) -> str:
    if not isinstance(request, Mapping):
        return repr(request)[:40]
    text = json.dumps({name: plain(value) for name, value in request.items()}, default=str)
    return text if len(text) <= 60 else text[:57] + "…"
