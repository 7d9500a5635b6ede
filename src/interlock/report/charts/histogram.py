"""Histograms: one of errors, with zero marked, and paired bars for two samples."""

from __future__ import annotations

from markupsafe import Markup

from interlock.report.charts.axis import Scale, horizontal_axis, vertical_axis
from interlock.report.charts.svg import box, drawing, label, line
from interlock.report.content import Histogram
from interlock.wording import counted

_WIDTH, _HEIGHT = 400, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 392, 26, 204


def histogram(title: str, made: Histogram, *, axis: str, percent: bool = False) -> Markup:
    """Bars of counts; what lies outside the edges is told in the corners."""
    across = Scale(low=made.edges[0], high=made.edges[-1], start=_LEFT, end=_RIGHT)
    most = max(max(made.counts, default=0), 1)
    up = Scale(low=0.0, high=most * 1.08, start=_BOTTOM, end=_TOP)
    parts: list[object] = [
        *vertical_axis(up, left=_LEFT, right=_RIGHT, title="rows", count=4),
        *horizontal_axis(across, top=_TOP, bottom=_BOTTOM, title=axis, percent=percent),
    ]
    for count, low, high in zip(made.counts, made.edges, made.edges[1:], strict=False):
        left, right, top = across(low), across(high), up(count)
        if count:
            width = max(right - left - 1, 0.5)
            parts.append(box(left + 0.5, top, width, _BOTTOM - top, "bar", counted(count, "row")))
    if across.low < 0 < across.high:
        parts.append(line(across(0.0), _TOP - 4, across(0.0), _BOTTOM, "zero"))
        parts.append(label("exact", across(0.0), _TOP - 8, anchor="middle", class_="tick"))
    if made.below:
        parts.append(label(f"◂ {made.below:,} beyond", _LEFT + 4, _TOP + 10, class_="tick"))
    if made.above:
        beyond = f"{made.above:,} beyond ▸"
        parts.append(label(beyond, _RIGHT - 2, _TOP + 10, anchor="end", class_="tick"))
    return drawing(title, _WIDTH, _HEIGHT, parts)
