"""The inputs then and now: bin by bin, for those that moved."""

from __future__ import annotations

import re
from collections.abc import Sequence

from interlock.report.blocks import Figure
from interlock.report.charts.paired import paired
from interlock.report.content import InputDrift
from interlock.report.names import shown
from interlock.report.numbers import percent
from interlock.wording import counted

_MOST_BINS = 12  # and the missing


def drifted(found: InputDrift) -> Figure | None:
    """The rows of one input by bin, at the champion's release and now."""
    if not sum(found.before) or not sum(found.now):
        return None
    labels, before, now = merged(found)
    title = f"{shown(found.name, limit=40)}, then and now"
    rows = tuple(
        (text, *_cells(a, sum(before)), *_cells(b, sum(now)))
        for text, a, b in zip(labels, before, now, strict=True)
    )
    return Figure(
        title=title,
        drawing=paired(title, labels, shares(before), shares(now)),
        head=("value", "rows then", "share", "rows now", "share"),
        rows=rows,
        note="Wide and pale: the champion's held-out rows. Narrow and dark: the test rows of now.",
    )


def _cells(n: int, of: int) -> tuple[str, str]:
    return f"{n:,}", percent(n / of, 2)


def shares(counts: Sequence[int]) -> list[float]:
    """Counts as shares of 1; all 0 where there is nothing."""
    total = sum(counts) or 1
    return [n / total for n in counts]


def _short(label: str, kind: str) -> str:
    """Three digits of a number are all a bin's name needs."""
    if kind in ("str", "category", "bool"):
        return label
    return re.sub(r"-?\d+\.\d+(e[+-]?\d+)?", lambda found: f"{float(found[0]):.3g}", label)


def merged(found: InputDrift) -> tuple[list[str], list[int], list[int]]:
    """Names and counts by bin, the missing last; of many categories the rest as one bin."""
    labels = [shown(_short(text, found.kind), limit=24) for text in found.labels]
    before, now = list(found.before), list(found.now)
    *ordinary, missing = range(len(labels))
    if len(ordinary) <= _MOST_BINS:
        return labels, before, now
    ranked = sorted(ordinary, key=lambda i: (-(before[i] + now[i]), i))
    kept = sorted(ranked[: _MOST_BINS - 1])
    rest = [i for i in ordinary if i not in set(kept)]
    return (
        [*(labels[i] for i in kept), counted(len(rest), "other"), labels[missing]],
        [*(before[i] for i in kept), sum(before[i] for i in rest), before[missing]],
        [*(now[i] for i in kept), sum(now[i] for i in rest), now[missing]],
    )
