"""Two samples in the same bins: wide pale bars before, narrow dark ones now; missing stands apart.

The last bin counts the missing rows, and is drawn after a gap in a colour of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from interlock.report.charts.axis import Scale, vertical_axis
from interlock.report.charts.svg import box, drawing, label, line, tag

_WIDTH, _HEIGHT = 400, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 392, 26, 190
_SPARK_WIDTH, _SPARK_HEIGHT = 132, 28
_GAP = 0.6  # of a bin, before the missing ones


def paired(
    title: str, labels: Sequence[str], before: Sequence[float], now: Sequence[float]
) -> Markup:
    """Shares of 1 by bin, as a picture with an axis; the bins' names stand under it."""
    up = Scale(low=0.0, high=_most(before, now) * 1.08, start=_BOTTOM, end=_TOP)
    places, step = _places(len(labels), _LEFT, _RIGHT)
    parts: list[object] = [
        *vertical_axis(up, left=_LEFT, right=_RIGHT, title="share of rows", percent=True, count=4),
        *_bars(places, step, before, now, up, hints=labels),
        line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, "base"),
        *_names(labels, places, step),
    ]
    return drawing(title, _WIDTH, _HEIGHT, parts)


def paired_spark(title: str, before: Sequence[float], now: Sequence[float]) -> Markup:
    """The same, small enough for a table's cell."""
    up = Scale(low=0.0, high=_most(before, now), start=_SPARK_HEIGHT - 1, end=2)
    places, step = _places(len(before), 0, _SPARK_WIDTH)
    parts: list[object] = [
        _outline(places, step, 0.9, before, up, "bar before"),
        _outline(places[:-1], step, 0.45, now[:-1], up, "bar"),
        _outline(places[-1:], step, 0.45, now[-1:], up, "bar absent"),
        line(0, _SPARK_HEIGHT - 1, _SPARK_WIDTH, _SPARK_HEIGHT - 1, "base"),
    ]
    return drawing(title, _SPARK_WIDTH, _SPARK_HEIGHT, parts, class_="spark")


def _outline(
    places: Sequence[float],
    step: float,
    wide: float,
    found: Sequence[float],
    up: Scale,
    class_: str,
) -> Markup:
    """All bars as one path, to the unit: a page may hold hundreds of them."""
    foot = f"{up(0.0):.0f}"
    drawn = "".join(
        f"M{x + step * (1 - wide) / 2:.0f} {foot}V{up(share):.0f}h{max(1, step * wide):.0f}V{foot}z"
        for x, share in zip(places, found, strict=True)
        if share
    )
    return tag("path", d=drawn, class_=class_) if drawn else Markup("")


def _most(before: Sequence[float], now: Sequence[float]) -> float:
    return max((*before, *now), default=0.0) or 1.0


def _places(bins: int, left: float, right: float) -> tuple[list[float], float]:
    """Where each bin begins, and how wide one is."""
    step = (right - left) / (bins + _GAP)
    return [left + step * i + (step * _GAP if i == bins - 1 else 0) for i in range(bins)], step


def _bars(
    places: Sequence[float],
    step: float,
    before: Sequence[float],
    now: Sequence[float],
    up: Scale,
    hints: Sequence[str],
) -> list[Markup]:
    made = []
    last = len(places) - 1
    for i, (x, then, today) in enumerate(zip(places, before, now, strict=True)):
        hint = f"{hints[i]}: {then:.1%} before, {today:.1%} now"
        if then:
            made.append(_bar(x, step, 0.9, then, up, "bar before", hint))
        if today:
            kind = "bar absent" if i == last else "bar"
            made.append(_bar(x, step, 0.45, today, up, kind, hint))
    return made


def _bar(
    x: float, step: float, wide: float, share: float, up: Scale, class_: str, hint: str
) -> Markup:
    top, bottom = up(share), up(0.0)
    left = x + step * (1 - wide) / 2
    return box(left, top, step * wide, max(0.6, bottom - top), class_, hint)


def _names(labels: Sequence[str], places: Sequence[float], step: float) -> list[Markup]:
    """As many as find room; the first, the last, and that of the missing bin always do."""
    *ordinary, missing = labels
    room = max((len(text) for text in ordinary), default=1) * 6.2 + 8
    every = max(1, -(-int(room) // max(1, int(step))))
    made = [label(missing, places[-1] + step / 2, _BOTTOM + 15, anchor="middle", class_="tick")]
    end = places[-1] - 24
    for i in range(0, len(ordinary), every):
        middle = places[i] + step / 2
        if middle + len(ordinary[i]) * 3.1 < end:
            made.append(
                label(ordinary[i], middle, _BOTTOM + 15, anchor="middle", class_="tick", room=room)
            )
    return made
