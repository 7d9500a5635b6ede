"""What is measured at each threshold, with its band, and the threshold that was chosen."""

from __future__ import annotations

from markupsafe import Markup

from interlock.report.charts.axis import Scale, horizontal_axis, spanning, vertical_axis
from interlock.report.charts.references import ROW, Reference, lines
from interlock.report.charts.svg import box, drawing, path
from interlock.report.content import Decision

_WIDTH = 400
_LEFT, _RIGHT, _PLOT = 54, 390, 180


def threshold(title: str, made: Decision, *, across: str, up: str) -> Markup:
    """A curve over thresholds from 0 to 1; the tinted strip is where the threshold may lie."""
    references = _references(made)
    top = 26 + ROW * len(references)
    bottom = top + _PLOT
    x = Scale(low=0.0, high=1.0, start=_LEFT, end=_RIGHT)
    values = [v for point in made.curve for v in (point.low, point.high, point.value)]
    y = spanning(values, start=bottom, end=top)
    parts: list[object] = [
        *vertical_axis(y, left=_LEFT, right=_RIGHT, title=up),
        *horizontal_axis(x, top=top, bottom=bottom, title=across, percent=True, count=6),
    ]
    if made.low is not None and made.high is not None:
        width = max(1.0, x(made.high) - x(made.low))
        parts.append(box(x(made.low), top, width, bottom - top, "reach"))
    lower = [(x(p.threshold), y(p.low)) for p in made.curve]
    upper = [(x(p.threshold), y(p.high)) for p in made.curve]
    parts.append(path([*lower, *reversed(upper)], "band", closed=True))
    parts.append(path([(x(p.threshold), y(p.value)) for p in made.curve], "series"))
    parts.extend(lines(references, x, bottom, _WIDTH, above=14))
    return drawing(title, _WIDTH, bottom + 36, parts)


def _references(made: Decision) -> list[Reference]:
    found = []
    if made.threshold is not None:
        text = f"decides at {made.threshold:.3g}"
        found.append(Reference(value=made.threshold, text=text, class_="overall"))
    if made.due is not None and made.due != made.threshold:
        text = f"theory {made.due:.3g}"
        found.append(Reference(value=made.due, text=text, class_="champion-line"))
    return found
