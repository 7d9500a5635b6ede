"""What is measured at each threshold, with its band, and the threshold that was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from markupsafe import Markup

from interlock.report.charts.axis import Scale, horizontal_axis, nice_end, spanning, vertical_axis
from interlock.report.charts.references import ROW, Reference, lines
from interlock.report.charts.svg import box, drawing, label, path
from interlock.report.content import Decision, ThresholdPoint
from interlock.report.numbers import percent

_WIDTH = 400
_LEFT, _RIGHT, _PLOT = 54, 390, 180


def threshold(title: str, made: Decision, *, across: str, up: str) -> Markup:
    """A curve over thresholds from 0 on; the tinted strip is where the threshold may lie.

    The axis ends where nothing is decided any more: a rare class has small thresholds only.
    """
    references = _references(made)
    top = 26 + ROW * len(references)
    bottom = top + _PLOT
    end = threshold_end(made)
    curve = _until(made.curve, end)
    x = Scale(low=0.0, high=end, start=_LEFT, end=_RIGHT)
    values = [v for point in curve for v in (point.low, point.high, point.value)]
    y = spanning(values, start=bottom, end=top)
    parts: list[object] = [
        *vertical_axis(y, left=_LEFT, right=_RIGHT),
        label(up, 2, 10, class_="axis", room=_WIDTH - 4),
        *horizontal_axis(x, top=top, bottom=bottom, title=across, percent=True, count=6),
    ]
    if made.low is not None and made.high is not None:
        width = max(1.0, x(made.high) - x(made.low))
        parts.append(box(x(made.low), top, width, bottom - top, "reach"))
    lower = [(x(p.threshold), y(p.low)) for p in curve]
    upper = [(x(p.threshold), y(p.high)) for p in curve]
    parts.append(path([*lower, *reversed(upper)], "band", closed=True))
    parts.append(path([(x(p.threshold), y(p.value)) for p in curve], "series"))
    parts.extend(lines(references, x, bottom, _WIDTH, above=14))
    return drawing(title, _WIDTH, bottom + 36, parts)


def threshold_end(made: Decision) -> float:
    """The threshold at which the axis ends.

    What is named lies on its nearer half, and eight points of the curve in ten before its end.
    """
    known = sorted(point.threshold for point in made.curve)
    named = [value for value in (made.threshold, made.due, made.high) if value is not None]
    usual = known[len(known) * 8 // 10 : len(known) * 8 // 10 + 1]
    return nice_end(max((*(2 * value for value in named), *usual), default=1.0))


def _until(curve: Sequence[ThresholdPoint], end: float) -> list[ThresholdPoint]:
    """The curve as far as ``end``, where it is cut on the line to its next point."""
    inside = [point for point in curve if point.threshold <= end]
    beyond = next((point for point in curve if point.threshold > end), None)
    if beyond is None or not inside or inside[-1].threshold == end:
        return inside
    last = inside[-1]
    share = (end - last.threshold) / (beyond.threshold - last.threshold)
    low, high, value = (
        a + share * (b - a)
        for a, b in ((last.low, beyond.low), (last.high, beyond.high), (last.value, beyond.value))
    )
    return [*inside, replace(last, threshold=end, low=low, high=high, value=value)]


def _references(made: Decision) -> list[Reference]:
    found = []
    if made.threshold is not None:
        text = f"decides at {percent(made.threshold)}"
        found.append(Reference(value=made.threshold, text=text, class_="overall"))
    if made.due is not None and made.due != made.threshold:
        text = f"theory {percent(made.due)}"
        found.append(Reference(value=made.due, text=text, class_="champion-line"))
    return found
