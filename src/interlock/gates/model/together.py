"""Many slices, one answer: what a check says that looked at every part of the rows.

It fails where a slice fails, and names the clearest ones. It is inconclusive only where the slices
of some column that could be judged hold under 90 % of the rows, and says how many rows would do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from interlock.evaluate.metrics import format_value
from interlock.evaluate.slices import FEWEST_ROWS, FEWEST_UNITS, Slice
from interlock.verdict import Check, Interval, Verdict

JUDGED_SHARE = 0.90
"""The share of rows that judged slices must hold, for each column that rows are cut by."""
_NAMED = 3  # failing slices named in the reason


def without_thin(found: Sequence[Slice]) -> tuple[Slice, ...]:
    """The slices of columns that have enough of them to judge: nobody asked for the others.

    A column with a slice that fails is kept, however small its others are: what was shown stands.
    """
    shares = judged_shares(found)
    kept = {name for name, share in shares.items() if share >= JUDGED_SHARE}
    kept |= {s.column for s in found if s.judged and s.verdict is Verdict.FAILED}
    return tuple(s for s in found if s.column in kept)


def judged_shares(found: Sequence[Slice]) -> dict[str, float]:
    """By column, the share of rows in slices that could be judged."""
    shares: dict[str, float] = {}
    for part in found:
        shares[part.column] = shares.get(part.column, 0.0) + part.share * part.judged
    return shares


def together(
    name: str,
    code: str,
    found: Sequence[Slice],
    *,
    unit: str,
    evidence: Mapping[str, Any],
) -> Check:
    """The answer that all slices give together; it is about the worst of them."""
    judged = [s for s in found if s.judged]
    known = {**evidence, "slices": [slice_row(s) for s in found]}
    if not judged:
        reason = f"no slice has {FEWEST_ROWS} rows of {FEWEST_UNITS} independent units"
        if max((s.units for s in found), default=0) == 1:
            reason += ": all rows of each are of one unit"
        return Check(
            name=name,
            verdict=Verdict.INCONCLUSIVE,
            reason=reason + _needed(found),
            evidence={"code": code, **known},
        )
    worst = min(judged, key=_badness)
    failing = sorted((s for s in judged if s.verdict is Verdict.FAILED), key=_badness)
    verdict, reason, doubtful = Verdict.PASSED, "", False
    if failing:
        verdict, reason = Verdict.FAILED, _failing(failing, unit)
    elif thin := _thin(found):
        verdict, reason = Verdict.INCONCLUSIVE, thin
    elif doubtful := _room(worst) < 0:
        reason = f"no slice is shown to be worse; most like it {_in_words(worst, unit)}"
    return Check(
        name=name,
        verdict=verdict,
        measured=worst.value,
        comparison="" if doubtful else worst.glyph,  # a pass must fit the numbers it is told with
        threshold=None if doubtful else worst.allowed,
        interval=worst.compared,
        n=worst.n,
        unit=unit,
        reason=reason,
        evidence=known if verdict is Verdict.PASSED else {"code": code, **known},
    )


def _badness(part: Slice) -> tuple[bool, float, float]:
    """Sorts the clearest failures first, then what comes closest to one."""
    assert part.compared is not None
    width = part.compared.high - part.compared.low
    return part.verdict is not Verdict.FAILED, part.p, _room(part) / width if width else math.inf


def _room(part: Slice) -> float:
    """How far the value lies on the allowed side of its limit."""
    return (part.allowed - part.value) * (1.0 if part.glyph == "≤" else -1.0)


def _failing(failing: Sequence[Slice], unit: str) -> str:
    """The failing slices in words, the clearest first."""
    texts = [_in_words(s, unit) for s in failing[:_NAMED]]
    more = len(failing) - len(texts)
    return "; ".join(texts) + (f"; and {more} more" if more else "")


def _in_words(part: Slice, unit: str) -> str:
    assert part.compared is not None
    low, high = (format_value(end, unit) for end in (part.compared.low, part.compared.high))
    return (
        f"{part.named}: {format_value(part.value, unit)}, 95 % interval {low} to {high}, must be "
        f"{part.glyph} {format_value(part.allowed, unit)} ({part.n:,} rows, q = {part.q:.2g})"
    )


def _thin(found: Sequence[Slice]) -> str:
    """Why too few rows lie in slices that can be judged, or ""."""
    for column, share in judged_shares(found).items():
        if share < JUDGED_SHARE:
            return (
                f"only {share:.0%} of the rows lie in slices of {column} that can be judged; "
                f"{JUDGED_SHARE:.0%} are needed".replace("%", " %")
            ) + _needed([s for s in found if s.column == column])
    return ""


def _needed(found: Sequence[Slice]) -> str:
    """About how many rows would let enough slices be judged, in words."""
    total, held = sum(s.n for s in found), 0.0
    for part in sorted(found, key=lambda s: -s.n):
        held += part.share
        if held >= JUDGED_SHARE and part.n:
            times = max(FEWEST_ROWS / part.n, FEWEST_UNITS / max(1, part.units))
            if times > 1:
                return f"; about {math.ceil(total * times):,} rows would do, there are {total:,}"
            return ""
    return ""


def slice_row(part: Slice) -> dict[str, Any]:
    """A slice as plain JSON values."""
    return {
        "column": part.column,
        "label": part.label,
        "n": part.n,
        "share": part.share,
        "value": part.value,
        **_ends("low", "high", part.interval),
        "reference": part.reference,
        "allowed": part.allowed,
        **_ends("compared_low", "compared_high", part.compared),
        "p": part.p if part.judged else None,
        "q": part.q if part.judged else None,
        "verdict": part.verdict.value if part.judged else "not judged",
        "reason": part.reason,
    }


def _ends(low: str, high: str, interval: Interval | None) -> dict[str, float | None]:
    return {
        low: interval.low if interval else None,
        high: interval.high if interval else None,
    }
