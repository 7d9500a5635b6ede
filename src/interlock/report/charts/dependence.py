"""A mean prediction against one input's values: its interval, where rows vary, where rows lie."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from interlock.report.charts.axis import Scale, horizontal_axis, spanning, vertical_axis
from interlock.report.charts.svg import drawing, line, path, tag
from interlock.report.content import Dependence

_WIDTH, _HEIGHT = 400, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 390, 26, 204


def dependence(
    title: str, made: Dependence, *, across: str, up: str, percent: bool = False
) -> Markup:
    """A line over numbers: dark band the mean's 95 % interval, light band eight rows of ten."""
    x = Scale(low=made.points[0], high=made.points[-1], start=_LEFT, end=_RIGHT)
    values = (*made.mean, *made.low, *made.high, *made.decile_low, *made.decile_high)
    y = spanning(values, start=_BOTTOM, end=_TOP)
    places = [x(point) for point in made.points]
    middle = [(place, y(value)) for place, value in zip(places, made.mean, strict=True)]
    parts: list[object] = [
        *vertical_axis(y, left=_LEFT, right=_RIGHT, title=up, percent=percent),
        *horizontal_axis(x, top=_TOP, bottom=_BOTTOM, title=across, years=True),
        _band(places, made.decile_low, made.decile_high, y, "band light"),
        _band(places, made.low, made.high, y, "band"),
        path(middle, "series"),
        *(tag("circle", cx=a, cy=b, r=2.4, class_="m-candidate") for a, b in middle),
        *_rug(made.deciles, x),
    ]
    return drawing(title, _WIDTH, _HEIGHT, parts)


def _band(
    places: Sequence[float], low: Sequence[float], high: Sequence[float], y: Scale, class_: str
) -> Markup:
    lower = [(place, y(value)) for place, value in zip(places, low, strict=True)]
    upper = [(place, y(value)) for place, value in zip(places, high, strict=True)]
    return path([*lower, *reversed(upper)], class_, closed=True)


def _rug(deciles: Sequence[float], x: Scale) -> list[Markup]:
    """A stroke at every decile of the rows: where they are many, the line rests on much."""
    inside = [value for value in deciles if x.low <= value <= x.high]
    return [line(x(value), _BOTTOM - 7, x(value), _BOTTOM, "rug") for value in inside]
