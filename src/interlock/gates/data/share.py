"""One answer for a share of the rows read."""

from __future__ import annotations

import math
from collections.abc import Mapping

from interlock.evaluate.judge import Limit
from interlock.gates.finding import counted, unmeasured
from interlock.verdict import Check


def judge_share(
    name: str, code: str, counts: Mapping[str, int], rows_read: int, at_most: float
) -> Check:
    """The answer for a share of the rows read; the largest counts are named."""
    if not (rows_read > 0 and math.isfinite(rows_read)):
        return unmeasured(name, "D158", "no rows were read")
    if any(not count >= 0 for count in counts.values()):
        return unmeasured(name, "D158", "a count is negative or not a number")
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    worst = [f"{count:,} × {what}" for what, count in ranked if count][:3]
    return counted(
        name,
        code,
        sum(counts.values()) / rows_read,
        Limit(at_most=at_most),
        n=rows_read,
        unit="%",
        why=", ".join(worst),
        evidence={"counts": dict(ranked)},
    )
