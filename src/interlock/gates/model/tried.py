"""What the winner answered to changed requests, and how a share of bad answers is judged.

A row is a request of the test rows, tried with one or more changes; it counts as violating when any
of them breaks the rule. Rows are independent, or units are (Clopper and Pearson 1934, on as many
units as there are: no narrower than the truth).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.compare import LEVEL, Estimate
from interlock.evaluate.judge import Limit
from interlock.evaluate.metrics import format_value
from interlock.gates.finding import FEWEST_ROWS, counted, sampled, too_few, unmeasured
from interlock.stats.intervals import share_interval
from interlock.verdict import Check, Interval, Verdict

Floats = NDArray[np.float64]
WORST_SHOWN = 3
REFUSED = "refused"
"""The reason of a changed request that fits the field's rules, and that the release refuses."""
MOST_REFUSED = 0.1  # of the changed requests: of more, those left tell of a chosen few
_MOST_ROWS = 100_000  # to be told of as needed


@dataclass(frozen=True, kw_only=True, eq=False)
class Tried:
    """The answers to n changed requests, beside those to the requests as they were.

    ``before`` and ``after`` are (n,) values or probabilities of the positive class, or
    (n, n_classes); ``rows`` (n,) numbers the requests, of which one may be tried several times;
    ``units`` (n,) ids where rows of one unit depend on each other. ``requests`` holds n values by
    field, as they were; ``became`` the n values of the changed field. ``skipped`` counts requests
    that could not be tried, by reason.
    """

    before: Floats
    after: Floats
    rows: NDArray[np.int64]
    requests: Mapping[str, Sequence[Any]]
    became: Sequence[Any]
    skipped: Mapping[str, int] = field(default_factory=dict)
    units: NDArray[Any] | None = None

    @property
    def flaw(self) -> str:
        """Why these answers can prove nothing, or ""."""
        n = len(self.rows)
        if n == 0:
            return f"no request could be tried{_told(self.skipped)}"
        if len(self.before) != n or len(self.after) != n or len(self.became) != n:
            return "answers and requests are not of one number"
        if not (np.isfinite(self.before).all() and np.isfinite(self.after).all()):
            return "an answer is not a finite number"
        refused = self.skipped.get(REFUSED, 0)
        if refused > MOST_REFUSED * (n + refused):
            most = f"{MOST_REFUSED:.0%}".replace("%", " %")
            return f"{refused:,} of {n + refused:,} changed requests were refused; {most} may be"
        return ""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The answer to one example: ``value`` as for :class:`Tried`, ``answered`` the class or number.

    ``reason`` says why there is none.
    """

    value: float | None = None
    answered: Any = None
    reason: str = ""


def judge_share(
    name: str,
    tried: Tried | None,
    excess_of: Callable[[Floats, Floats], Floats],
    *,
    changed: str,
    max_share: float,
    evidence: Mapping[str, Any],
) -> Check:
    """The share of rows whose answer breaks the rule, held to ``max_share``.

    ``excess_of(before, after)`` is (n,): by how much the rule is broken, above 0 where it is. With
    a ``max_share`` of 0 the rows tried are counted, and nothing is said of others; above 0 the
    whole interval of the share must lie inside.
    """
    flaw = "no changed request was answered" if tried is None else tried.flaw
    if tried is None or flaw:
        return unmeasured(name, "M232", flaw)
    excess = np.asarray(excess_of(tried.before, tried.after), dtype=np.float64)
    if not np.isfinite(excess).all():
        return unmeasured(name, "M232", "a change of the answer is not a finite number")
    known, place = np.unique(tried.rows, return_inverse=True)
    worst = np.full(len(known), -np.inf)
    np.maximum.at(worst, place, excess)
    found = _share(int((worst > 0).sum()), len(known), tried)
    shown = {
        **evidence,
        "rows": len(known),
        "violations": int((worst > 0).sum()),
        "skipped": dict(tried.skipped),
        "worst": _worst(tried, excess, changed),
    }
    limit = Limit(at_most=max_share)
    if max_share > 0:
        check = sampled(
            name,
            "M231",
            found,
            limit,
            unit="%",
            evidence={"behaviour": shown},
            needed_of=_rows_needed,
        )
    elif len(known) < FEWEST_ROWS:
        check = _too_few(name, len(known), limit, shown)
    else:
        check = counted(
            name, "M231", found.value, limit, n=found.n, unit="%", evidence={"behaviour": shown}
        )
    return check if check.opens else replace(check, reason=check.reason + _example(shown["worst"]))


def _rows_needed(found: Estimate, limit: Limit) -> int | None:
    """The fewest rows that decide if the share stays what it is; None beyond a hundred thousand."""
    low, high = found.n, _MOST_ROWS
    if not _decides(found.value, high, limit):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _decides(found.value, middle, limit) else (middle, high)
    return high


def _decides(share: float, n: int, limit: Limit) -> bool:
    low, high = share_interval(math.ceil(share * n - 1e-9), n, LEVEL)
    return high <= limit.value or low > limit.value


def _share(violations: int, n: int, tried: Tried) -> Estimate:
    units = n if tried.units is None else len(set(tried.units))
    share = violations / n
    low, high = share_interval(math.ceil(share * units - 1e-9), units, LEVEL)
    interval = Interval(low=min(low, share), high=max(high, share), level=LEVEL)
    return Estimate(value=share, interval=interval, n=n, units=units)


def _too_few(name: str, n: int, limit: Limit, shown: Mapping[str, Any]) -> Check:
    return Check(
        name=name,
        verdict=Verdict.INCONCLUSIVE,
        comparison=limit.glyph,
        threshold=limit.value,
        n=n,
        unit="%",
        reason=too_few(n, "row", FEWEST_ROWS) + _told(shown["skipped"]),
        evidence={"code": "M231", "behaviour": dict(shown)},
    )


def _worst(tried: Tried, excess: Floats, changed: str) -> list[dict[str, Any]]:
    """The requests that break the rule most, each once; or, where none does, nothing."""
    chosen: list[int] = []
    rows: set[int] = set()
    for place in np.argsort(-excess, kind="stable").tolist():
        if excess[place] <= 0 or len(chosen) == WORST_SHOWN:
            break
        if int(tried.rows[place]) not in rows:
            rows.add(int(tried.rows[place]))
            chosen.append(place)
    return [
        {
            "request": {name: plain(values[i]) for name, values in tried.requests.items()},
            "field": changed,
            "was": plain(tried.requests[changed][i]),
            "became": plain(tried.became[i]),
            "before": tried.before[i].tolist(),
            "after": tried.after[i].tolist(),
        }
        for i in chosen
    ]


def _example(worst: Sequence[Mapping[str, Any]]) -> str:
    if not worst:
        return ""
    one = worst[0]
    moved = f"answered {_number(one['after'])}, before {_number(one['before'])}"
    return f"; for example {one['field']} {one['was']} → {one['became']}: {moved}"


def _number(answer: Any) -> str:
    if isinstance(answer, list):
        return ", ".join(f"{share:.3g}" for share in answer)
    return format_value(float(answer), "")


def plain(value: Any) -> Any:
    """A value of a request as JSON has it: times are texts."""
    return value.isoformat() if isinstance(value, date) else value


def _told(skipped: Mapping[str, int]) -> str:
    listed = "; ".join(f"{n:,} {reason}" for reason, n in skipped.items())
    return f" (left out: {listed})" if listed else ""
