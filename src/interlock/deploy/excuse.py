"""Does a waiver excuse this shut gate? Pure rules, asked by the delivery and by every environment.

Rules:

* what could not be measured (an error) cannot be waived: nobody saw what would be accepted;
* of the service gate only what it costs can be waived (latency, load, cold start, memory): a
  service that answers otherwise than the model that was judged, or takes bad input, is broken, and
  no reason makes it right; post-deploy tests never can, for the same reason;
* an environment accepts waivers of the gates that its ``waivable`` names, and no others;
* a waiver counts for the delivery, the gate, the result and the bundle it was given for, from its
  moment until its expiry.

>>> wide = Check(name="mdape", verdict=Verdict.INCONCLUSIVE, evidence={"code": "M208"})
>>> unwaivable(GateResult(gate="model", checks=(wide,)), WAIVABLE)
''
>>> unwaivable(GateResult(gate="model", checks=(wide,)), ["data"])
'waivers of the model gate are not accepted here'
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from interlock.release.waiver import Waiver
from interlock.verdict import Check, GateResult, Verdict

_COSTS = frozenset({"V105", "V106", "V114", "V115", "V116"})
_CODES: Mapping[str, frozenset[str] | None] = {"data": None, "model": None, "service": _COSTS}
WAIVABLE = tuple(_CODES)
"""The gates that can be waived at all: any check of the first two, of the third only costs."""
_NEEDS_BUNDLE = frozenset({"service"})


@dataclass(frozen=True, kw_only=True)
class Excuse:
    """The waiver that excuses a shut gate; None, and ``why`` there is none ("": none was given)."""

    waiver: Waiver | None = None
    why: str = ""


def unwaivable(result: GateResult, allowed: Collection[str]) -> str:
    """Why a shut gate may not be waived where waivers of these gates are accepted; "" if it may."""
    if result.gate not in WAIVABLE:
        return f"{result.gate} can never be waived"
    if result.gate not in allowed:
        return f"waivers of the {result.gate} gate are not accepted here"
    if not result.shut_by:
        return f"nothing was shown at the {result.gate} gate, so there is nothing to accept"
    found = (_unwaivable_check(check, _CODES[result.gate]) for check in result.shut_by)
    return next(filter(None, found), "")


def _unwaivable_check(check: Check, codes: frozenset[str] | None) -> str:
    if check.verdict not in (Verdict.FAILED, Verdict.INCONCLUSIVE):
        return f"{check.name} could not be measured, so there is nothing to accept"
    if codes is not None and _code(check) not in codes:
        return f"{check.name} is about what the service answers, and can never be waived"
    return ""


def _code(check: Check) -> str:
    code = check.evidence.get("code") if isinstance(check.evidence, Mapping) else None
    return code if isinstance(code, str) else ""


def excuse(
    result: GateResult,
    digest: str,
    waivers: Iterable[Waiver],
    *,
    bundle: str | None,
    moment: int | None,
    allowed: Collection[str],
) -> Excuse:
    """The waiver that excuses this result, of which ``digest`` is the identity, at that moment.

    The waivers are those of the delivery that the result is of; ``bundle`` is None before there is
    one; ``moment`` None is a moment that is not known, at which none holds.
    """
    given = [w for w in waivers if w.gate == result.gate]
    if not given:
        return Excuse()
    refused = unwaivable(result, allowed)
    if refused:
        return Excuse(why=refused)
    same = [w for w in given if w.result == digest]
    if not same:
        return Excuse(why="its waiver is of another result")
    fitting = [w for w in same if _is_about(w, bundle)]
    if not fitting:
        return Excuse(why="its waiver is of another bundle")
    holding = [w for w in fitting if moment is not None and w.holds_at(moment)]
    if not holding:
        return Excuse(why="its waiver has expired")
    return Excuse(waiver=max(holding, key=lambda w: (w.expires, w.at)))


def _is_about(waiver: Waiver, bundle: str | None) -> bool:
    if waiver.bundle is None:
        return waiver.gate not in _NEEDS_BUNDLE
    return waiver.bundle == bundle
