"""A map of segments: where there is data enough to answer, and where there is not."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from markupsafe import Markup

from interlock.report.charts.axis import Scale, horizontal_axis, vertical_axis
from interlock.report.charts.svg import drawing, label, tag
from interlock.report.content import Segment
from interlock.report.names import shown
from interlock.wording import counted

_WIDTH = 520
_LEFT, _RIGHT, _TOP = 58, 508, 48
_TALLEST, _FLATTEST = 560, 160  # height of the field
_SMALLEST, _LARGEST = 2.2, 9.0  # radius of a circle
_CROSS = 3.2
_MOST_HINTS = 300


def segment_map(title: str, segments: Sequence[Segment], *, across: str, up: str) -> Markup:
    """Filled circles for covered segments, larger with their rows; crosses for the others.

    Both axes have one scale, as a map has, unless the field would be much too tall or too flat.
    """
    placed = [(s, s.x, s.y) for s in segments if s.x is not None and s.y is not None]
    x, y = _scales([a for _, a, _ in placed], [b for _, _, b in placed])
    most = max((s.learned for s, _, _ in placed), default=1) or 1
    hinted = len(placed) <= _MOST_HINTS
    parts: list[object] = [
        *horizontal_axis(x, top=_TOP, bottom=y.start, title=across),
        *vertical_axis(y, left=_LEFT, right=_RIGHT, title=up),
    ]
    ranked = sorted(placed, key=lambda found: (bool(found[0].reason), -found[0].learned))
    for segment, a, b in ranked:
        hint = _hint(segment) if hinted else ""
        mark = _cross if segment.reason else _circle
        parts.append(mark(x(a), y(b), sqrt(segment.learned / most), hint))
    parts += _legend()
    return drawing(title, _WIDTH, y.start + 40, parts)


def _scales(xs: Sequence[float], ys: Sequence[float]) -> tuple[Scale, Scale]:
    """One scale for both, as far as the page allows."""
    low_x, high_x = _range(xs)
    low_y, high_y = _range(ys)
    height = (_RIGHT - _LEFT) * (high_y - low_y) / (high_x - low_x)
    height = min(_TALLEST, max(_FLATTEST, height))
    return (
        Scale(low=low_x, high=high_x, start=_LEFT, end=_RIGHT),
        Scale(low=low_y, high=high_y, start=_TOP + height, end=_TOP),
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    air = (high - low) * 0.04 or abs(high) * 0.01 or 1.0
    return low - air, high + air


def _circle(x: float, y: float, share: float, hint: str) -> Markup:
    radius = _SMALLEST + (_LARGEST - _SMALLEST) * share
    return tag("circle", *_title(hint), cx=x, cy=y, r=radius, class_="m-candidate seen-through")


def _cross(x: float, y: float, share: float, hint: str) -> Markup:
    steps = f"M{x - _CROSS:.1f} {y - _CROSS:.1f}l{2 * _CROSS:.1f} {2 * _CROSS:.1f}"
    steps += f"m0 {-2 * _CROSS:.1f}l{-2 * _CROSS:.1f} {2 * _CROSS:.1f}"
    return tag("path", *_title(hint), d=steps, class_="over")


def _title(hint: str) -> tuple[Markup, ...]:
    return (tag("title", hint),) if hint else ()


def _hint(segment: Segment) -> str:
    if segment.reason:
        return shown(segment.reason, limit=120)
    return shown(f"{segment.name} · {counted(segment.learned, 'row')}", limit=120)


def _legend() -> list[Markup]:
    return [
        _circle(_LEFT + 6, 12, 0.4, ""),
        label("covered, larger with more rows", _LEFT + 18, 16, class_="value"),
        _cross(_LEFT + 226, 12, 0.0, ""),
        label("not covered", _LEFT + 236, 16, class_="value"),
    ]
