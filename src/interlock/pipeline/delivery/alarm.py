"""What a delivery does not only end with but raises: an event of a name of its own, and the hook.

Two things say that the product, not the delivery, is in trouble: a yardstick that is better than
every model, and candidates of which none could be ranked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from interlock.verdict import GateResult

BASELINE_ON_TOP = "baseline on top"
NOTHING_RANKED = "no candidate ranked"
_KEPT = ("metric", "candidate", "candidate_value", "reference", "reference_value")


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """The name of an event and what it says, in plain JSON values."""

    kind: str
    body: Mapping[str, Any]

    def to_row(self) -> dict[str, Any]:
        """What a delivery's summary and the hook's message keep of it."""
        return {"event": self.kind, **self.body}


def alarms_of(result: GateResult) -> list[Alarm]:
    """What the checks of a gate that stayed shut raise: every baseline that scores best."""
    found = [check.evidence for check in result.shut_by if check.evidence.get("baseline_on_top")]
    if not found:
        return []
    baselines = [{name: said.get(name) for name in _KEPT} for said in found]
    return [Alarm(kind=BASELINE_ON_TOP, body={"baselines": baselines})]


def nothing_ranked(candidates: Mapping[str, Mapping[str, Any]]) -> Alarm:
    """That no candidate could be ranked, and why of each, from the rows of the train stage."""
    why = {
        name: "; ".join(f"{m['code']}: {m['what']}" for m in row["failure"])
        if row["failure"]
        else "no finite metric on the tune rows"
        for name, row in candidates.items()
        if not row["baseline"]
    }
    return Alarm(kind=NOTHING_RANKED, body={"candidates": why})
