"""Vertical lines that all rows of a chart are held against, and where their names stand.

Each line's name has a row of its own above the chart, and stands on that side of its line where no
other line crosses it, if there is one.

>>> limit = Reference(value=0.15, text="limit ≤ 15 %")
>>> champion = Reference(value=0.14, text="champion 14 %")
>>> [placed.right for placed in arrange([limit, champion], [570.0, 540.0], 0.0, 600.0)]
[False, False]
>>> [placed.row for placed in arrange([limit, champion], [570.0, 540.0], 0.0, 600.0)]
[0, 1]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, product

from markupsafe import Markup

from interlock.report.charts.axis import Scale
from interlock.report.charts.svg import box, label, line

ROW = 15  # height of a name's row
_CHARACTER = 6.4
_GAP = 5  # between a line and its name
_SEARCHED = 4  # lines; more are stacked as they come


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A vertical line all rows are held against; ``bad_above`` shades its wrong side."""

    value: float
    text: str
    class_: str = "limit"
    bad_above: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Where a line's name stands: in which row from the top, and on which side of its line."""

    row: int
    right: bool


def arrange(
    references: Sequence[Reference], places: Sequence[float], left: float, right: float
) -> list[Placed]:
    """A place for each name between ``left`` and ``right``; ``places`` are the lines' positions.

    Among all orders and sides the one with the fewest names crossed by a line, then with the
    least text out of the picture.
    """
    n = len(references)
    if n > _SEARCHED:
        middle = (left + right) / 2
        return [Placed(row=i, right=place <= middle) for i, place in enumerate(places)]
    widths = [len(reference.text) * _CHARACTER for reference in references]
    tried = (
        [Placed(row=row, right=side) for row, side in zip(rows, sides, strict=True)]
        for rows in permutations(range(n))
        for sides in product((True, False), repeat=n)
    )
    return min(tried, key=lambda found: _faults(found, places, widths, left, right))


def _faults(
    found: Sequence[Placed],
    places: Sequence[float],
    widths: Sequence[float],
    left: float,
    right: float,
) -> tuple[int, float]:
    crossed, outside = 0, 0.0
    for one, place, width in zip(found, places, widths, strict=True):
        near, far = (_GAP, _GAP + width) if one.right else (-_GAP - width, -_GAP)
        start, end = place + near, place + far
        outside += max(0.0, left - start) + max(0.0, end - right)
        crossed += sum(
            start - 1 < other < end + 1
            for above, other in zip(found, places, strict=True)
            if above.row < one.row
        )
    return (crossed + (outside > 0), outside)


def shade(reference: Reference, scale: Scale, top: float, bottom: float) -> list[Markup]:
    """The wrong side of the line, tinted."""
    if reference.bad_above is None:
        return []
    x = scale(reference.value)
    start, end = (x, scale.end) if reference.bad_above else (scale.start, x)
    return [box(start, top, max(0.0, end - start), bottom - top, "beyond")]


def lines(
    references: Sequence[Reference],
    scale: Scale,
    bottom: float,
    width: float,
    *,
    above: float = 0.0,
) -> list[Markup]:
    """The lines down to ``bottom``, with their names above the chart, from ``above`` on."""
    places = [scale(reference.value) for reference in references]
    made = []
    for reference, x, placed in zip(
        references, places, arrange(references, places, 0.0, width), strict=True
    ):
        y = above + 11 + ROW * placed.row
        made.append(line(x, y - 9, x, bottom, reference.class_))
        made.append(
            label(
                reference.text,
                x + _GAP if placed.right else x - _GAP,
                y,
                anchor=None if placed.right else "end",
                class_=f"{reference.class_}-text",
                room=(width - x if placed.right else x) - _GAP,
            )
        )
    return made
