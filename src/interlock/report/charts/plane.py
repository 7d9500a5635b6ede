"""Square pictures of two quantities on one scale: truth against prediction, and curves."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log2, sqrt

from markupsafe import Markup

from interlock.report.charts.axis import Scale, horizontal_axis, nice_end, vertical_axis
from interlock.report.charts.svg import drawing, label, line, path, tag
from interlock.report.content import Cloud, Curve, Decile, ReliabilityBin

_WIDTH, _HEIGHT = 400, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 390, 24, 360
_SHADES = 5


def cloud(title: str, made: Cloud, deciles: Sequence[Decile], *, across: str, up: str) -> Markup:
    """Hexagons, darker where more rows are; the line of perfect answers; decile medians."""
    x, y = _scales(made.low, made.high, made.logarithmic)
    parts: list[object] = [
        *horizontal_axis(x, top=_TOP, bottom=_BOTTOM, title=across),
        *vertical_axis(y, left=_LEFT, right=_RIGHT, title=up),
        *_hexagons(made),
        line(_LEFT, _BOTTOM, _RIGHT, _TOP, "ideal"),
    ]
    if len(deciles) > 1:
        points = [(x(group.predicted), y(group.actual)) for group in deciles]
        parts.append(path(points, "over"))
        parts.extend(tag("circle", cx=a, cy=b, r=3.4, class_="m-over") for a, b in points)
    return drawing(title, _WIDTH, _HEIGHT, parts)


def reliability(title: str, bins: Sequence[ReliabilityBin], *, across: str, up: str) -> Markup:
    """Observed share against predicted probability, with 95 % intervals.

    Both axes end at the least round share above all of it: a rare class has only small ones.
    """
    x, y = _scales(0.0, reliability_end(bins), False)
    parts: list[object] = [
        *horizontal_axis(x, top=_TOP, bottom=_BOTTOM, title=across, percent=True, count=6),
        *vertical_axis(y, left=_LEFT, right=_RIGHT, title=up, percent=True, count=6),
        line(_LEFT, _BOTTOM, _RIGHT, _TOP, "ideal"),
    ]
    points = [(x(group.predicted), y(group.observed.value)) for group in bins]
    if len(points) > 1:
        parts.append(path(points, "series"))
    for group, (a, b) in zip(bins, points, strict=True):
        seen = group.observed.interval
        if seen is not None:
            parts.append(line(a, y(seen.low), a, y(seen.high), "whisker w-candidate"))
        parts.append(tag("circle", cx=a, cy=b, r=4, class_="m-candidate"))
    return drawing(title, _WIDTH, _HEIGHT, parts)


def reliability_end(bins: Sequence[ReliabilityBin]) -> float:
    """The share at which both axes of the picture end."""
    seen = [group.observed.interval for group in bins]
    tops = [interval.high for interval in seen if interval is not None]
    middles = [value for group in bins for value in (group.predicted, group.observed.value)]
    return nice_end(max((*tops, *middles), default=1.0))


def curve(
    title: str, made: Curve, *, across: str, up: str, chance: float | None, note: str
) -> Markup:
    """A ROC curve (``chance`` None: the diagonal) or precision–recall (a level line)."""
    x, y = _scales(0.0, 1.0, False)
    low, high = (0.0, 1.0) if chance is None else (chance, chance)
    points = [(x(a), y(b)) for a, b in made.points]
    inside = [(points[0][0], _BOTTOM), *points, (points[-1][0], _BOTTOM)]
    parts: list[object] = [
        *horizontal_axis(x, top=_TOP, bottom=_BOTTOM, title=across, percent=True, count=6),
        *vertical_axis(y, left=_LEFT, right=_RIGHT, title=up, percent=True, count=6),
        path(inside, "area", closed=True),
        line(_LEFT, y(low), _RIGHT, y(high), "ideal"),
        path(points, "series"),
        label(note, (_LEFT + _RIGHT) / 2, _BOTTOM - 16, anchor="middle", class_="name strong"),
    ]
    return drawing(title, _WIDTH, _HEIGHT, parts)


def _scales(low: float, high: float, logarithmic: bool) -> tuple[Scale, Scale]:
    return (
        Scale(low=low, high=high, start=_LEFT, end=_RIGHT, logarithmic=logarithmic),
        Scale(low=low, high=high, start=_BOTTOM, end=_TOP, logarithmic=logarithmic),
    )


def _hexagons(made: Cloud) -> list[Markup]:
    """One path a shade; shades double the count from one to the next."""
    size = (_RIGHT - _LEFT) / made.columns
    most = max(count for _, _, count in made.cells)
    outlines: list[list[str]] = [[] for _ in range(_SHADES)]
    for column, row, count in made.cells:
        x = _LEFT + (column + (row % 2) / 2) * size
        y = _BOTTOM - row * size * sqrt(3) / 2
        shade = ceil(_SHADES * log2(count + 1) / log2(most + 1)) - 1
        outlines[max(0, min(shade, _SHADES - 1))].append(_hexagon(x, y, size * 0.97))
    return [
        tag("path", d="".join(drawn), class_=f"hex shade-{shade}")
        for shade, drawn in enumerate(outlines)
        if drawn
    ]


def _hexagon(x: float, y: float, width: float) -> str:
    half, side = width / 2, width / sqrt(3)
    return (
        f"M{x:.1f} {y - side:.1f}l{half:.1f} {side / 2:.1f}v{side:.1f}"
        f"l{-half:.1f} {side / 2:.1f}l{-half:.1f} {-side / 2:.1f}v{-side:.1f}z"
    )
