"""The parts of a split along time: which rows came first, and how many they are."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from interlock.clock import DAY
from interlock.report.charts.axis import Scale
from interlock.report.charts.svg import box, drawing, label, line
from interlock.report.content import SplitPart
from interlock.report.numbers import moment
from interlock.wording import counted

_WIDTH, _STEP, _TOP = 400, 38, 6


def timeline(title: str, parts: Sequence[SplitPart], *, zone: str) -> Markup:
    """A bar a part, from its first instant to its last; parts without time have none."""
    dated = [(p.start, p.end) for p in parts if p.start is not None and p.end is not None]
    first, last = min(start for start, _ in dated), max(end for _, end in dated)
    across = Scale(low=first / DAY, high=max(last / DAY, first / DAY + 1), start=4, end=396)
    bottom = _TOP + _STEP * len(parts)
    made: list[object] = []
    for i, part in enumerate(parts):
        made.extend(_part(part, across, _TOP + _STEP * i, zone))
    made.append(line(4, bottom, 396, bottom, "base"))
    made.append(label(moment(first, zone=zone)[:10], 4, bottom + 15, class_="tick"))
    made.append(label(moment(last, zone=zone)[:10], 396, bottom + 15, anchor="end", class_="tick"))
    return drawing(title, _WIDTH, bottom + 22, made)


def _part(part: SplitPart, across: Scale, top: float, zone: str) -> list[Markup]:
    text = f"{part.name} · {counted(part.rows, 'row')}"
    if part.start is None or part.end is None:
        return [label(text, 4, top + 13, class_="name", room=390)]
    left, right = across(part.start / DAY), across(part.end / DAY)
    ends = f"{moment(part.start, zone=zone)[:10]} – {moment(part.end, zone=zone)[:10]}"
    return [
        label(text, 4, top + 13, class_="name", room=220),
        label(ends, 396, top + 13, anchor="end", class_="value"),
        box(4, top + 19, 392, 9, "empty"),
        box(left, top + 19, max(2.5, right - left), 9, "bar", ends),
    ]
