"""Values with their intervals, one a row, against reference lines: forest plots, slices.

On a wide drawing the name stands left of the row and the value right of it; on a narrow one
both stand above it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from interlock.evaluate.compare import Estimate
from interlock.report.charts.axis import Scale, horizontal_axis, spanning
from interlock.report.charts.marks import marker
from interlock.report.charts.references import ROW, Reference, lines, shade
from interlock.report.charts.svg import drawing, label, line, text_width
from interlock.report.content import CandidateKind

WIDTHS = (760, 360)  # of the drawings for wide and for narrow screens
_WIDE = 560
_NAMES = (236, 300)  # width of the names' column: where they are short, and at most
_GAP = 14  # between name and picture
_VALUES = 168


@dataclass(frozen=True, kw_only=True)
class Row:
    """A name, an estimate, the text of its value, the shape of its mark, and a limit of its own."""

    name: str
    text: str
    estimate: Estimate | None
    kind: CandidateKind = CandidateKind.CANDIDATE
    emphasised: bool = False
    allowed: float | None = None


def both(
    title: str,
    rows: Sequence[Row],
    *,
    references: Sequence[Reference] = (),
    axis: str = "",
    percent: bool = False,
    zero: bool = False,
) -> tuple[Markup, Markup]:
    """The picture twice: for wide screens, and for narrow ones."""
    wide, narrow = (
        intervals(
            title, rows, references=references, axis=axis, percent=percent, zero=zero, width=width
        )
        for width in WIDTHS
    )
    return wide, narrow


def intervals(
    title: str,
    rows: Sequence[Row],
    *,
    references: Sequence[Reference] = (),
    axis: str = "",
    percent: bool = False,
    zero: bool = False,
    width: int = 360,
) -> Markup:
    """The picture, ``width`` units wide."""
    wide = width >= _WIDE
    names = _room_for_names(rows)
    step, top = 34 if wide else 44, 14 + ROW * len(references)
    bottom = top + step * len(rows)
    ends = (names, width - _VALUES) if wide else (14, width - 14)
    scale = _scale(rows, references, ends, zero=zero)
    made: list[object] = []
    for reference in references:
        made.extend(shade(reference, scale, top, bottom))
    made.extend(
        horizontal_axis(
            scale, top=top, bottom=bottom, title=axis, percent=percent, count=6 if wide else 5
        )
    )
    made.extend(lines(references, scale, bottom, width))
    for i, row in enumerate(rows):
        made.extend(_row(row, scale, top + step * i, step, width=width, names=names if wide else 0))
    return drawing(title, width, bottom + (36 if axis else 22), made)


def _room_for_names(rows: Sequence[Row]) -> float:
    """The width of the names' column: no wider than its longest name needs."""
    needed = max((text_width(row.name) / _room(row) for row in rows), default=0.0) + _GAP
    return min(max(_NAMES[0], needed), _NAMES[1])


def _room(row: Row) -> float:
    """The share of its width that a name's text may take: bold is wider."""
    return 0.9 if row.emphasised else 1.0


def _scale(
    rows: Sequence[Row],
    references: Sequence[Reference],
    ends: tuple[float, float],
    *,
    zero: bool,
) -> Scale:
    values: list[float | None] = [reference.value for reference in references]
    values += [row.allowed for row in rows]
    for row in rows:
        if row.estimate is not None:
            values.append(row.estimate.value)
            if row.estimate.interval is not None:
                values += [row.estimate.interval.low, row.estimate.interval.high]
    return spanning(values, start=ends[0], end=ends[1], zero=zero)


def _row(
    row: Row, scale: Scale, top: float, step: float, *, width: int, names: float
) -> list[Markup]:
    """``names`` is the width of the names' column, 0 where they stand above."""
    y = top + (step / 2 if names else 30)
    name_class = "name strong" if row.emphasised else "name"
    if names:
        room = (names - _GAP) * _room(row)
        made = [
            label(row.name, names - _GAP, y + 4, anchor="end", class_=name_class, room=room),
            label(row.text, width, y + 4, anchor="end", class_="value", room=_VALUES - 6),
        ]
    else:
        half = width - 16 - len(row.text) * 6.4
        made = [
            label(row.name, 4, top + 15, class_=name_class, room=half),
            label(row.text, width - 4, top + 15, anchor="end", class_="value"),
        ]
    if row.allowed is not None:
        made.append(line(scale(row.allowed), y - 10, scale(row.allowed), y + 10, "limit"))
    estimate = row.estimate
    if estimate is None:
        return made
    if estimate.interval is not None:
        low, high = scale(estimate.interval.low), scale(estimate.interval.high)
        made.append(line(low, y, high, y, f"whisker w-{row.kind.value}"))
        made.extend(line(x, y - 4, x, y + 4, f"whisker w-{row.kind.value}") for x in (low, high))
    made.append(marker(row.kind, scale(estimate.value), y, size=6 if row.emphasised else 5))
    return made
