"""The data: where the rows went, what was put aside, what the columns look like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from interlock.report.blocks import (
    Block,
    Cell,
    Fold,
    Heading,
    Listing,
    Section,
    Table,
    Tally,
    Text,
    section,
    side_by_side,
)
from interlock.report.charts import spark
from interlock.report.content import Column, Data, NumericColumn, Quarantine
from interlock.report.figures.data import split
from interlock.report.names import shown
from interlock.report.numbers import percent, plain_numbers
from interlock.report.sections.table import Limits
from interlock.wording import counted

_SAMPLES, _FIELDS = 5, 10
_HEAD = (
    "column",
    "distribution",
    "from … to (99 of 100 rows), or most frequent",
    "missing",
)


def data(found: Data | None, limits: Limits, zone: str) -> Section | None:
    """The rows from source to split, then the columns."""
    if found is None:
        return None
    return section(
        "Data",
        _flow(found),
        *_quarantine(found, limits),
        *side_by_side(split(found, zone)),
        _undated_split(found),
        *_columns(found, limits),
    )


def _flow(found: Data) -> Tally:
    """Where the rows read went: number, name, share."""
    counts = (
        ("usable", found.usable),
        ("quarantined", found.quarantined_rows),
        ("without a label", found.without_label),
        ("outcome not yet known", found.pending),
    )
    shares = ((f"{n:,}", name, percent(n / (found.read or 1))) for name, n in counts)
    return Tally(items=((f"{found.read:,}", "read", ""), *shares))


def _undated_split(found: Data) -> Table | None:
    """The split of data without time; with time it is drawn."""
    if not found.splits or any(p.start is not None for p in found.splits):
        return None
    rows = tuple((shown(part.name), f"{part.rows:,}") for part in found.splits)
    return Table(title="Split of the usable rows", head=("part", "rows"), rows=rows)


def _quarantine(found: Data, limits: Limits) -> Iterable[Block]:
    """Examples by reason, the most rows first."""
    if not found.quarantined:
        yield Text(text="No row went into quarantine.")
        return
    yield Heading(text="Rows in quarantine")
    groups = sorted(found.quarantined, key=lambda g: (-g.rows, g.reason))
    for i, group in enumerate(groups[: limits.table_rows]):
        yield _quarantined(group, opened=i == 0)


def _quarantined(group: Quarantine, *, opened: bool) -> Fold:
    samples = group.samples[:_SAMPLES]
    names = _fields(group.reason, samples)
    kept: Block = Text(text="No example was kept.", quiet=True)
    if samples:
        kept = Table(
            head=tuple(shown(name, limit=40) for name in names),
            rows=tuple(tuple(_cell(sample, name) for name in names) for sample in samples),
            left_out=max(0, group.rows - len(samples)),
            more="more like these.",
            narrow=True,
        )
    title = f"{shown(group.reason, limit=160)} · {counted(group.rows, 'row')}"
    return Fold(summary=title, blocks=(kept,), opened=opened)


def _fields(reason: str, samples: Sequence[Mapping[str, Any]]) -> list[str]:
    """Those that the reason names first, for they are what is wrong; then by name."""
    said = set(re.findall(r"\w+", reason))
    names = {name for sample in samples for name in sample}
    return sorted(names, key=lambda name: (name not in said, str(name)))[:_FIELDS]


def _cell(sample: Mapping[str, Any], name: str) -> str:
    value = sample.get(name)
    if value is None:
        return "missing"
    return shown(value, limit=40)  # as it came: no rounding of what is wrong


def _columns(found: Data, limits: Limits) -> Iterable[Block]:
    """The columns with most missing first, then by name."""
    if not found.columns:
        return
    ranked = sorted(found.columns, key=lambda c: (-_missing(c), c.name))
    drawn, rest = ranked[: limits.drawn_columns], ranked[limits.drawn_columns :]
    listed = rest[: limits.listed_columns]
    yield Heading(text="Columns")
    yield Text(text=_note(ranked, len(drawn), len(rest) - len(listed)), quiet=True)
    yield Table(head=_HEAD, rows=tuple(_column(column) for column in drawn))
    if listed:
        names = (f"{shown(c.name, limit=60)} ({percent(_missing(c), 2)} missing)" for c in listed)
        summary = counted(len(listed), "more column")
        yield Fold(summary=summary, blocks=(Listing(names=tuple(names)),))


def _note(ranked: Sequence[Column], drawn: int, unnamed: int) -> str:
    note = counted(len(ranked), "column")
    if drawn < len(ranked):
        note += f", {drawn} of them drawn"
    if unnamed:
        note += f"; {unnamed:,} more are not named here"
    return note + "; most missing come first. The bar that stands apart counts the missing rows."


def _rows(column: Column) -> int:
    if isinstance(column, NumericColumn):
        return sum(column.counts) + column.missing
    return sum(n for _, n in column.top) + column.other + column.missing


def _missing(column: Column) -> float:
    return column.missing / _rows(column) if _rows(column) else 0.0


def _column(column: Column) -> tuple[Cell, ...]:
    missing = _missing(column)
    share = percent(missing, 2) if missing else "none"
    name = shown(column.name, limit=60)
    return (
        name,
        _drawing(column, name) or "",
        f"{_values(column)} {column.unit}".strip(),
        share,
    )


def _drawing(column: Column, name: str) -> Markup | None:
    if isinstance(column, NumericColumn):
        if column.counts and len(column.edges) == len(column.counts) + 1:
            title = f"Distribution of {name}"
            return spark.density(title, column.edges, column.counts, column.missing)
        return None
    if not column.top:
        return None
    counts = [n for _, n in column.top[:24]]
    return spark.bars(f"Most frequent values of {name}", counts, column.missing)


def _values(column: Column) -> str:
    if isinstance(column, NumericColumn):
        return _numeric_values(column)
    return _category_values(column.top, _rows(column), column.other)


def _numeric_values(column: NumericColumn) -> str:
    """The first and the last edge: a few rows may lie beyond."""
    edges = column.edges
    return " … ".join(plain_numbers((edges[0], edges[-1]))) if edges else "no values"


def _category_values(top: Sequence[tuple[str, int]], rows: int, other: int) -> str:
    texts = [f"{shown(value, limit=24)} {percent(n / rows, 2)}" for value, n in top[:3] if rows]
    rest = len(top) - 3
    if rest > 0 or other:
        texts.append(f"{max(rest, 0)} more" if not other else "others")
    return ", ".join(texts) or "no values"
