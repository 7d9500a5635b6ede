"""The data: where the rows went, what was put aside, what the columns look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from interlock.report.charts import spark
from interlock.report.content import (
    Column,
    Data,
    NumericColumn,
    Quarantine,
)
from interlock.report.names import shown
from interlock.report.numbers import counted, percent, significant
from interlock.report.sections.table import Limits, Table


@dataclass(frozen=True, kw_only=True)
class ColumnView:
    """A column's texts and small drawings."""

    name: str
    drawing: Markup | None
    values: str
    missing: str
    missing_bar: Markup | None
    shift: str


def flow(data: Data) -> tuple[tuple[str, str, str], ...]:
    """Where the rows read went: name, rows, share."""
    counts = (
        ("read", data.read, "read"),
        ("usable", data.usable, "usable"),
        ("quarantined", data.quarantined_rows, "quarantined"),
        ("without a label", data.without_label, "without-label"),
        ("outcome not yet known", data.pending, "pending"),
    )
    share = data.read or 1
    return tuple(
        (name, f"{n:,}", percent(n / share, 2) if name != "read" else "") for name, n, _ in counts
    )


def split_table(data: Data | None) -> Table | None:
    """The split of data without time; with time it is drawn."""
    if data is None or not data.splits or any(p.start is not None for p in data.splits):
        return None
    rows = tuple((shown(part.name), f"{part.rows:,}") for part in data.splits)
    return Table(title="Split of the usable rows", head=("part", "rows"), rows=rows)


def quarantine(data: Data, limits: Limits) -> tuple[Table, ...]:
    """One table of examples a reason, the most rows first."""
    groups = sorted(data.quarantined, key=lambda g: (-g.rows, g.reason))
    return tuple(_quarantined(group) for group in groups[: limits.table_rows])


def columns(
    data: Data | None, limits: Limits
) -> tuple[tuple[ColumnView, ...], tuple[str, ...], str]:
    """The columns that moved most first, then those with most missing, then by name."""
    if data is None or not data.columns:
        return (), (), ""
    ranked = sorted(data.columns, key=lambda c: (-(c.shift or 0.0), -_missing(c), c.name))
    drawn, rest = ranked[: limits.drawn_columns], ranked[limits.drawn_columns :]
    listed = rest[: limits.listed_columns]
    note = counted(len(ranked), "column")
    if rest:
        note += f", {len(drawn)} of them drawn"
    if len(rest) > len(listed):
        note += f"; {len(rest) - len(listed):,} more are not named here"
    moved = any(column.shift is not None for column in ranked)
    note += "; those that moved most come first." if moved else "; most missing come first."
    names = tuple(f"{shown(c.name, limit=60)} ({percent(_missing(c), 2)} missing)" for c in listed)
    return tuple(_column(column) for column in drawn), names, note


def _quarantined(group: Quarantine) -> Table:
    samples = group.samples[:5]
    names = sorted({name for sample in samples for name in sample}, key=str)[:10]
    return Table(
        title=f"{shown(group.reason, limit=160)} · {counted(group.rows, 'row')}",
        head=tuple(shown(name, limit=40) for name in names),
        rows=tuple(tuple(_cell(sample, name) for name in names) for sample in samples),
        left_out=max(0, group.rows - len(samples)) if samples else 0,
    )


def _cell(sample: Mapping[str, Any], name: str) -> str:
    value = sample.get(name)
    if value is None:
        return "missing"
    return shown(value, limit=40)  # as it came: no rounding of what is wrong


def _rows(column: Column) -> int:
    if isinstance(column, NumericColumn):
        return sum(column.counts) + column.missing
    return sum(n for _, n in column.top) + column.other + column.missing


def _missing(column: Column) -> float:
    return column.missing / _rows(column) if _rows(column) else 0.0


def _column(column: Column) -> ColumnView:
    name = shown(column.name, limit=60)
    missing = _missing(column)
    drawing: Markup | None = None
    if isinstance(column, NumericColumn):
        values = _numeric_values(column)
        if column.counts and len(column.edges) == len(column.counts) + 1:
            drawing = spark.density(f"Distribution of {name}", column.edges, column.counts)
    else:
        values = _category_values(column.top, _rows(column), column.other)
        if column.top:
            counts = [n for _, n in column.top[:24]]
            drawing = spark.bars(f"Most frequent values of {name}", counts)
    bar = spark.share(f"{name}: {percent(missing, 2)} missing", missing) if missing else None
    return ColumnView(
        name=name,
        drawing=drawing,
        values=f"{values} {column.unit}".strip(),
        missing=percent(missing, 2) if missing else "none",
        missing_bar=bar,
        shift="" if column.shift is None else f"{column.shift:.3f}",
    )


def _numeric_values(column: NumericColumn) -> str:
    """Least, middle and greatest edge: of deciles, the median."""
    edges = column.edges
    if not edges:
        return "no values"
    return " … ".join(_plain(edges[i]) for i in (0, len(edges) // 2, -1))


def _plain(value: float) -> str:
    """Without a thousands separator below 10,000, for the number may be a year."""
    whole = value == value and abs(value) < 10_000 and value == int(value)
    return str(int(value)) if whole else significant(value, 4)


def _category_values(top: Sequence[tuple[str, int]], rows: int, other: int) -> str:
    texts = [f"{shown(value, limit=24)} {percent(n / rows, 2)}" for value, n in top[:3] if rows]
    rest = len(top) - 3
    if rest > 0 or other:
        texts.append(f"{max(rest, 0)} more" if not other else "others")
    return ", ".join(texts) or "no values"
