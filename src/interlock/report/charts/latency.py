"""Latencies by window: 50th, 95th and 99th percentile, against the limit."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from interlock.report.charts.axis import Scale, spanning, vertical_axis
from interlock.report.charts.svg import drawing, label, line, path, tag
from interlock.report.content import LatencyWindow
from interlock.wording import counted

_WIDTH, _HEIGHT = 400, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 362, 26, 206
_FAR = 5  # times the slowest percentile
_AIR = 1.3  # times the outermost values


def latency(title: str, windows: Sequence[LatencyWindow], *, limit: float | None) -> Markup:
    """A stem a window from p50 to p99, a dot each; shapes differ and the last is named."""
    up = _scale(windows, limit)
    title_up = "latency, ms (logarithmic)" if up.logarithmic else "latency, ms"
    step = (_RIGHT - _LEFT) / len(windows)
    parts: list[object] = [
        *vertical_axis(up, left=_LEFT, right=_RIGHT, title=title_up, count=5),
        line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, "base"),
    ]
    if limit is not None:
        parts.append(line(_LEFT, up(limit), _RIGHT, up(limit), "limit"))
        text = f"limit for p99: {limit:g} ms"
        below = 13 if up.logarithmic else -5  # there the line is right under the axis's title
        parts.append(label(text, _LEFT + 4, up(limit) + below, class_="limit-text"))
    every = -(-len(windows) // 8)
    for i, window in enumerate(windows):
        x = _LEFT + step * (i + 0.5)
        parts.extend(_stem(window, x, up(window.p50), up(window.p95), up(window.p99)))
        if i % every == 0:
            place = _BOTTOM + 14
            room = step * every
            parts.append(label(window.label, x, place, anchor="middle", class_="tick", room=room))
    parts.append(
        label("window", (_LEFT + _RIGHT) / 2, _BOTTOM + 32, anchor="middle", class_="axis")
    )
    parts.extend(_names(windows[-1], [up(v) for v in _percentiles(windows[-1])]))
    return drawing(title, _WIDTH, _HEIGHT, parts)


def _scale(windows: Sequence[LatencyWindow], limit: float | None) -> Scale:
    """From 0 on; logarithmic where the limit lies so far off that all the dots would be one."""
    measured = [value for window in windows for value in _percentiles(window)]
    if limit is None or limit < _FAR * max(measured) or min(measured) <= 0:
        return spanning([*measured, limit], start=_BOTTOM, end=_TOP, zero=True)
    low, high = min(measured) / _AIR, limit * _AIR
    return Scale(low=low, high=high, start=_BOTTOM, end=_TOP, logarithmic=True)


def _percentiles(window: LatencyWindow) -> tuple[float, float, float]:
    return window.p50, window.p95, window.p99


def _stem(window: LatencyWindow, x: float, p50: float, p95: float, p99: float) -> list[Markup]:
    size = 4.0
    diamond = [(x, p99 - size), (x + size, p99), (x, p99 + size), (x - size, p99)]
    return [
        line(x, p50, x, p99, "stem"),
        tag(
            "circle",
            tag("title", counted(window.n, "request")),
            cx=x,
            cy=p50,
            r=3,
            class_="m-hollow",
        ),
        tag("circle", cx=x, cy=p95, r=3, class_="m-candidate"),
        path(diamond, "m-champion", closed=True),
    ]


def _names(window: LatencyWindow, places: Sequence[float]) -> list[Markup]:
    """Names right of the last window, pushed apart where they would touch."""
    made = []
    last = _BOTTOM + 15.0
    for name, place in zip(("p50", "p95", "p99"), places, strict=True):
        y = min(place + 4, last - 12)
        made.append(label(name, _RIGHT + 4, y, class_="name"))
        last = y
    return made
