"""Latency against offered load: half and 99 of 100 requests, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from interlock.report.charts.axis import Scale, horizontal_axis, vertical_axis
from interlock.report.charts.svg import drawing, label, line, path, tag
from interlock.report.content import LoadStep
from interlock.wording import counted

_WIDTH, _HEIGHT = 400, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 362, 26, 220
_AIR = 1.3  # times the outermost values
_LEAST_MS = 1e-3


def load(title: str, steps: Sequence[LoadStep], *, limits: Sequence[tuple[float, float]]) -> Markup:
    """A line for each percentile; ``limits`` are (rate, milliseconds) that were judged.

    Steps without an answer are not drawn; there must be one that is.
    """
    told = [step for step in steps if step.p50 is not None and step.p99 is not None]
    times = [max(_LEAST_MS, t) for step in told for t in (step.p50 or 0, step.p99 or 0)]
    times += [milliseconds for _, milliseconds in limits]
    across = _spanning([step.offered for step in told], start=_LEFT, end=_RIGHT)
    up = _spanning(times, start=_BOTTOM, end=_TOP)
    parts: list[object] = [
        *horizontal_axis(across, top=_TOP, bottom=_BOTTOM, title="requests a second, offered"),
        *vertical_axis(up, left=_LEFT, right=_RIGHT, title="latency from when it was due, ms"),
    ]
    for rate, milliseconds in limits:
        parts += _limit(
            across(rate), up(milliseconds), f"limit at {rate:,g}/s: {milliseconds:g} ms"
        )
    for name, mark in (("p50", "m-hollow"), ("p99", "m-champion")):
        points = [(across(s.offered), up(max(_LEAST_MS, getattr(s, name) or 0.0))) for s in told]
        if len(points) > 1:
            parts.append(path(points, "series"))
        parts += [
            tag("circle", tag("title", counted(s.n, "request")), cx=x, cy=y, r=4, class_=mark)
            for s, (x, y) in zip(told, points, strict=True)
        ]
        parts.append(label(name, _RIGHT + 4, points[-1][1] + 4, class_="name"))
    return drawing(title, _WIDTH, _HEIGHT, parts)


def _limit(x: float, y: float, text: str) -> list[object]:
    return [
        line(max(_LEFT, x - 14), y, min(_RIGHT, x + 14), y, "limit"),
        label(text, min(x, _RIGHT - 60), y + 13, anchor="middle", class_="limit-text", room=300),
    ]


def _spanning(values: Sequence[float], *, start: float, end: float) -> Scale:
    low, high = min(values) / _AIR, max(values) * _AIR
    return Scale(low=low, high=high, start=start, end=end, logarithmic=True)
