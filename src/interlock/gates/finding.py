"""From a measured value and a limit to a :class:`Check`, with the sentence that people read.

Every answer that does not open its gate carries the code of its explain page in its evidence, under
``code``, and a reason.

>>> counted("minimum rows", "D151", 4_000, Limit(at_least=5_000)).reason
'measured 4,000, must be ≥ 5,000'
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from interlock import wording
from interlock.errors import AuthorError
from interlock.evaluate.compare import Estimate, rows_needed
from interlock.evaluate.judge import Limit, exact, judge
from interlock.evaluate.metrics import format_value
from interlock.stats.resamples import RESAMPLES
from interlock.verdict import Check, Interval, Verdict

FEWEST_ROWS = 100
"""Below this many rows an interval of a metric is not trusted."""
FEWEST_UNITS = 30
"""Below this many clusters a cluster bootstrap is too narrow (Cameron, Gelbach & Miller 2008)."""


def counted(
    name: str,
    code: str,
    value: float,
    limit: Limit,
    *,
    n: int | None = None,
    unit: str = "",
    why: str = "",
    evidence: Mapping[str, Any] | None = None,
) -> Check:
    """The answer for a value that was counted, not sampled; ``why`` is added where it is not met.

    A count that is negative, or no number, is an error.
    """
    verdict = judge(exact(value), limit) if value >= 0 else Verdict.ERROR
    reason = _reason(value, None, limit, unit, verdict)
    return _check(
        name,
        code,
        verdict,
        measured=value,
        limit=limit,
        n=n,
        unit=unit,
        reason=_joined(reason, why),
        evidence=evidence,
    )


def sampled(
    name: str,
    code: str,
    found: Estimate,
    limit: Limit,
    *,
    unit: str = "",
    evidence: Mapping[str, Any] | None = None,
    needed_of: Callable[[Estimate, Limit], int | None] = rows_needed,
) -> Check:
    """The answer for an estimate with an interval; too few rows or units are inconclusive.

    ``needed_of`` says about how many rows would decide where these do not.
    """
    verdict = judge(found.interval, limit)
    reason = _reason(found.value, found.interval, limit, unit, verdict)
    more = dict(evidence or {})
    if found.resamples != RESAMPLES:
        more["resamples"] = found.resamples
    if verdict is Verdict.ERROR and found.reason:
        reason = found.reason
    if verdict is not Verdict.ERROR and (few := _too_few(found)):
        verdict, reason = Verdict.INCONCLUSIVE, few
    elif verdict is Verdict.INCONCLUSIVE and (needed := needed_of(found, limit)):
        more["rows_needed"] = needed
        reason = f"{reason}; about {needed:,} rows would decide, there are {found.n:,}"
    return _check(
        name,
        code,
        verdict,
        measured=found.value,
        limit=limit,
        interval=found.interval,
        n=found.n,
        unit=unit,
        reason=reason,
        evidence=more,
    )


def too_few(n: int, noun: str, needed: int) -> str:
    """Why so few do not decide.

    >>> too_few(1, "row", 100)
    '1 row is too few to judge by; at least 100 are needed'
    """
    found = wording.counted(n, f"{noun} is", f"{noun}s are")
    return f"{found} too few to judge by; at least {needed} are needed"


def unmeasured(name: str, code: str, reason: str, **evidence: Any) -> Check:
    """The error that something could not be measured."""
    return Check(
        name=name, verdict=Verdict.ERROR, reason=reason, evidence={"code": code, **evidence}
    )


def finite(value: object, code: str, where: str, *, low: float, high: float = math.inf) -> float:
    """A declared number within [low, high]. Raises AuthorError ``code`` for anything else."""
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if good and math.isfinite(value) and low <= value <= high:  # type: ignore[arg-type, operator]
        return float(value)  # type: ignore[arg-type]
    upper = f" to {high:g}" if math.isfinite(high) else " or more"
    bounds = "a finite number" if low == -math.inf else f"a finite number, {low:g}{upper}"
    raise AuthorError(
        code,
        f"the limit of {where} cannot be used",
        where=where,
        expected=bounds,
        got=repr(value),
        fix="declare a limit that can be both met and missed",
    )


def percent(text: str) -> float | None:
    """'5%' as 0.05; None for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s?%", text)
    return float(found[1]) / 100 if found else None


def _too_few(found: Estimate) -> str:
    if found.n < FEWEST_ROWS:
        return too_few(found.n, "row", FEWEST_ROWS)
    if found.units == 1:
        return (
            f"all {found.n:,} rows are of one unit, so nothing tells how much units differ; "
            f"at least {FEWEST_UNITS} are needed"
        )
    if found.units < FEWEST_UNITS:
        return (
            f"{found.units:,} independent units are too few to judge by; "
            f"at least {FEWEST_UNITS} are needed"
        )
    return ""


def _reason(
    value: float, interval: Interval | None, limit: Limit, unit: str, verdict: Verdict
) -> str:
    if verdict is Verdict.PASSED:
        return ""
    if verdict is Verdict.ERROR:
        return f"the measured value is {format_value(value, unit)}: nothing can be judged"
    text = f"measured {format_value(value, unit)}"
    if interval is not None:
        low, high = format_value(interval.low, unit), format_value(interval.high, unit)
        text += f", {interval.level:.0%} interval {low} to {high}".replace("%", " %", 1)
    return f"{text}, must be {limit_text(limit, unit)}"


def limit_text(limit: Limit, unit: str) -> str:
    """The limit as people read it: '≤ 15 %', 'between 0.98 and 1.03'."""
    if limit.upper is None:
        return f"{limit.glyph} {format_value(limit.value, unit)}"
    return f"between {format_value(limit.value, unit)} and {format_value(limit.upper, unit)}"


def _joined(reason: str, why: str) -> str:
    return f"{reason}: {why}" if reason and why else reason


def _check(
    name: str,
    code: str,
    verdict: Verdict,
    *,
    measured: float,
    limit: Limit,
    unit: str,
    reason: str,
    n: int | None = None,
    interval: Interval | None = None,
    evidence: Mapping[str, Any] | None = None,
) -> Check:
    coded = {} if verdict is Verdict.PASSED else {"code": code}
    return Check(
        name=name,
        verdict=verdict,
        measured=measured,
        comparison=limit.glyph,
        threshold=limit.value,
        upper=limit.upper,
        interval=interval,
        n=n,
        unit=unit,
        reason=reason,
        evidence={**coded, **(evidence or {})},
    )
