"""Slices judged together: each with its interval, and what is allowed in it."""

from __future__ import annotations

from interlock.report.blocks import Figure
from interlock.report.charts.intervals import Row, both
from interlock.report.content import SliceFinding, SlicesJudged
from interlock.report.glyphs import VERDICT
from interlock.report.measured import estimate_cells, written
from interlock.report.names import shown
from interlock.report.numbers import significant
from interlock.verdict import Verdict
from interlock.wording import counted

_MOST = 16


def judged_slices(made: SlicesJudged) -> Figure | None:
    """The slices that could be judged, what failed first, then what comes closest to failing."""
    known = [one for one in made.slices if one.value is not None and one.verdict is not None]
    if not known:
        return None
    ranked = sorted(known, key=_rank)
    rows = [_row(one, made.unit) for one in ranked[:_MOST]]
    title = shown(made.name, limit=160)
    axis = made.unit if made.unit not in ("", "1", "%") else ""
    wide, narrow = both(title, rows, axis=axis, percent=made.unit == "%")
    return Figure(
        title=f"{VERDICT[made.verdict]} {title}",
        drawing=wide,
        narrow=narrow,
        head=("slice", "", "value", "95 % interval", "allowed", "before", "chance (q)", "rows"),
        rows=tuple(_cells(one, made.unit) for one in _in_order(made, ranked)),
        note=_note(made, len(ranked)),
    )


def _rank(one: SliceFinding) -> tuple[int, float, str, str]:
    """What failed, what is not sure, the rest; each from the one nearest to what is allowed."""
    order = -tuple(Verdict).index(one.verdict or Verdict.PASSED)
    room = float("inf")
    if one.value is not None and one.allowed is not None and one.value.interval is not None:
        width = one.value.interval.high - one.value.interval.low
        room = abs(one.allowed - one.value.value) / width if width else room
    return order, room, one.column, one.label


def _in_order(made: SlicesJudged, ranked: list[SliceFinding]) -> list[SliceFinding]:
    """Those judged, then the others, the largest first."""
    rest = sorted(
        (s for s in made.slices if s.verdict is None or s.value is None),
        key=lambda s: (-s.n, s.column, s.label),
    )
    return [*ranked, *rest]


def _note(made: SlicesJudged, drawn: int) -> str:
    note = "Red stroke: what is allowed there. ✖ is worse than that beyond chance, all slices"
    note += " looked at taken into account. First come those nearest to what is allowed, in"
    note += " widths of their intervals."
    few = len(made.slices) - drawn
    if few:
        note += f" {counted(few, 'slice')} could not be judged: see the numbers."
    if drawn > _MOST:
        note += f" {counted(drawn - _MOST, 'slice')} further from what is allowed not drawn."
    return note


def _row(one: SliceFinding, unit: str) -> Row:
    value, _, n = estimate_cells(one.value, unit)
    glyph = VERDICT[one.verdict] if one.verdict is not None else "?"
    return Row(
        name=_name(one),
        text=f"{value} · n {n} {glyph}",
        estimate=one.value,
        emphasised=one.verdict is Verdict.FAILED,
        allowed=one.allowed,
    )


def _name(one: SliceFinding) -> str:
    return f"{shown(one.column, limit=40)} = {shown(one.label, limit=40)}"


def _cells(one: SliceFinding, unit: str) -> tuple[str, ...]:
    value, ends, _ = estimate_cells(one.value, unit)
    word = f"not judged: {shown(one.reason, limit=60)}"
    if one.verdict is not None:
        word = f"{VERDICT[one.verdict]} {one.verdict.value}"
    return (
        _name(one),
        word,
        value if one.value is not None else "",
        ends,
        "" if one.allowed is None else written(one.allowed, unit),
        "" if one.reference is None else written(one.reference, unit),
        "" if one.q is None else significant(one.q, 2),
        f"{one.n:,}",
    )
