"""An error over time, with its band, and under it the rows that each point rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from markupsafe import Markup

from interlock.report.charts.axis import Scale, spanning, tick_labels, vertical_axis
from interlock.report.charts.svg import box, drawing, label, line, path, tag, text_width
from interlock.report.content import Period
from interlock.wording import counted

_WIDTH, _HEIGHT = 400, 244
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 392, 26, 176
_ROWS_TOP, _ROWS_BOTTOM = 190, 222


def series(
    title: str,
    periods: Sequence[Period],
    *,
    axis: str,
    percent: bool = False,
    reference: tuple[float, str] | None = None,
    zero: bool = True,
) -> Markup:
    """A line with a 95 % band, interrupted where a period has no rows; ``zero`` is on the axis."""
    step = (_RIGHT - _LEFT) / len(periods)
    places = [_LEFT + step * (i + 0.5) for i in range(len(periods))]
    up = _scale(periods, reference, zero=zero)
    parts: list[object] = [
        *vertical_axis(up, left=_LEFT, right=_RIGHT, title=axis, percent=percent, count=5)
    ]
    for run in _runs(periods):
        parts.extend(_band(periods, places, run, up))
    if reference is not None:
        y = up(reference[0])
        parts.append(line(_LEFT, y, _RIGHT, y, "limit"))
        parts.append(label(reference[1], _RIGHT, _TOP - 9, anchor="end", class_="limit-text"))
    parts.extend(_points(periods, places, up))
    parts.extend(_rows(periods, places, step))
    parts.extend(_labels(periods, places))
    return drawing(title, _WIDTH, _HEIGHT, parts)


def _scale(periods: Sequence[Period], reference: tuple[float, str] | None, *, zero: bool) -> Scale:
    values: list[float | None] = [None if reference is None else reference[0]]
    for period in periods:
        if period.error is not None:
            values.append(period.error.value)
            if period.error.interval is not None:
                values += [period.error.interval.low, period.error.interval.high]
    return spanning(values, start=_BOTTOM, end=_TOP, zero=zero)


def _runs(periods: Sequence[Period]) -> Iterable[list[int]]:
    for known, run in groupby(range(len(periods)), lambda i: periods[i].error is not None):
        if known:
            yield list(run)


def _band(
    periods: Sequence[Period], places: Sequence[float], run: Sequence[int], up: Scale
) -> list[Markup]:
    made = []
    lower, upper, middle = [], [], []
    for i in run:
        error = periods[i].error
        if error is None:
            continue
        middle.append((places[i], up(error.value)))
        if error.interval is not None:
            lower.append((places[i], up(error.interval.low)))
            upper.append((places[i], up(error.interval.high)))
    if len(lower) > 1:
        made.append(path([*lower, *reversed(upper)], "band", closed=True))
    elif lower:
        made.append(line(*lower[0], *upper[0], "whisker w-candidate"))
    if len(middle) > 1:
        made.append(path(middle, "series"))
    return made


def _points(periods: Sequence[Period], places: Sequence[float], up: Scale) -> list[Markup]:
    size = 3.2 if len(periods) <= 24 else 1.8
    return [
        tag("circle", cx=x, cy=up(period.error.value), r=size, class_="m-candidate")
        for x, period in zip(places, periods, strict=True)
        if period.error is not None
    ]


def _rows(periods: Sequence[Period], places: Sequence[float], step: float) -> list[Markup]:
    most = max(1, *(period.n for period in periods))
    height = _ROWS_BOTTOM - _ROWS_TOP
    made = [line(_LEFT, _ROWS_BOTTOM, _RIGHT, _ROWS_BOTTOM, "base")]
    for x, period in zip(places, periods, strict=True):
        tall = height * period.n / most
        if tall:
            hint = f"{period.label}: {counted(period.n, 'row')}"
            made.append(
                box(x - step * 0.38, _ROWS_BOTTOM - tall, step * 0.76, tall, "bar quiet", hint)
            )
    made.append(label("rows", _LEFT - 5, _ROWS_BOTTOM, anchor="end", class_="tick"))
    top = tick_labels([float(most)])[0]
    made.append(label(top, _LEFT - 5, _ROWS_TOP + 8, anchor="end", class_="tick"))
    return made


def _labels(periods: Sequence[Period], places: Sequence[float]) -> list[Markup]:
    longest = max(len(period.label) for period in periods)
    room = max(1, int((_RIGHT - _LEFT) // (longest * 6.4 + 12)))
    every = -(-len(periods) // room)
    half = text_width("0" * longest) / 2
    inside = [min(max(x, half), _WIDTH - half) for x in places]
    return [
        label(period.label, x, _ROWS_BOTTOM + 15, anchor="middle", class_="tick")
        for i, (x, period) in enumerate(zip(inside, periods, strict=True))
        if i % every == 0
    ]
