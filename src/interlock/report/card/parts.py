"""The tables of a model card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from interlock.report import phrases
from interlock.report.content import (
    CardField,
    CardInput,
    CardMaking,
    CardMetric,
    Column,
    GroupsCompared,
    ModelCard,
    NumericColumn,
    SliceFinding,
    SlicesJudged,
)
from interlock.report.glyphs import VERDICT, severity
from interlock.report.markdown import code, plain, table
from interlock.report.measured import better, estimate_cells, written
from interlock.report.numbers import measure, percent, plain_numbers, reach
from interlock.verdict import Check, GateResult, Verdict

_MOST = 60  # rows of a table
_MOST_PARAMS = 30
_LATER = ("test", "calibrate", "tune")  # the parts after training, from the last
_DECILES = 11  # edges, the least and the greatest value among them


def made_by(making: CardMaking) -> str:
    """'`boosting` (`Ridge`), packaged as onnx; 2,048 of 2,048 rows equal to the bit'."""
    kind = f" ({code(making.kind, limit=60)})" if making.kind else ""
    packaged = plain(phrases.packaging(making.format), limit=60)
    text = f"{code(making.candidate)}{kind}, packaged as {packaged}"
    return f"{text}; {plain(making.exactness)}" if making.exactness else text


def parameters(params: Mapping[str, Any]) -> str:
    """The candidate's parameters; nothing where it has none."""
    rows = [
        (code(key, limit=60), plain(_written(params[key]), limit=80))
        for key in sorted(params, key=str)
    ]
    return _cut(("parameter", "value"), rows, most=_MOST_PARAMS) if rows else ""


def _written(value: Any) -> str:
    """A parameter as it would be typed; a seed has no thousands."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def request(fields: Sequence[CardField]) -> str:
    """What a consumer sends."""
    rows = [
        (
            code(found.name, limit=60),
            found.kind + (" or null" if found.optional else ""),
            plain(found.unit, limit=24),
            plain(found.allowed, limit=160),
            plain(found.description, limit=200),
        )
        for found in fields
    ]
    return _cut(("field", "type", "unit", "allowed", "meaning"), rows)


def inputs(found: Sequence[CardInput], unit: str) -> str:
    """What the model sees, the most important first."""
    order = sorted(found, key=lambda i: (-(i.importance.value if i.importance else 0.0), i.name))
    rows = [
        (
            code(one.name, limit=60),
            plain(one.made_of, limit=160),
            plain(one.unit, limit=24),
            plain(one.description, limit=200),
            _importance(one, unit),
        )
        for one in order
    ]
    head = ("input", "made of", "unit", "meaning", "importance")
    return _cut(head, rows, right=(4,))


def _importance(one: CardInput, unit: str) -> str:
    if one.importance is None:
        return ""
    text = measure(one.importance.value, unit)
    ends = one.importance.interval
    return plain(text if ends is None else f"{text} ({reach(ends.low, ends.high, unit)})")


def metrics(found: Sequence[CardMetric]) -> str:
    """What each metric means, and which way is better."""
    rows = [
        (
            code(one.metric.name, limit=60),
            plain(one.metric.meaning) or "defined by the product",
            plain(better(one.metric)),
        )
        for one in found
    ]
    return _cut(("metric", "meaning", "better"), rows) if rows else "Not measured."


def results(found: Sequence[CardMetric]) -> str:
    """Each metric on the test rows."""
    rows = [(code(one.metric.name, limit=60), *_cells(one)) for one in found]
    head = ("metric on the test rows", "value", "95 % interval", "rows")
    return _cut(head, rows, right=(1, 2, 3)) if rows else "Not measured."


def _cells(one: CardMetric) -> tuple[str, ...]:
    return tuple(map(plain, estimate_cells(one.estimate, one.metric.unit)))


def slices(found: SlicesJudged) -> str:
    """Every slice that a check looked at, what failed first, then the largest."""
    order = sorted(
        found.slices, key=lambda s: (s.verdict is not Verdict.FAILED, -s.n, s.column, s.label)
    )
    rows = [_slice(one, found.unit) for one in order]
    head = ("slice", "", "value", "95 % interval", "allowed", "rows")
    return _cut(head, rows, right=(2, 3, 4, 5))


def _slice(one: SliceFinding, unit: str) -> tuple[str, ...]:
    value, ends, _ = estimate_cells(one.value, unit)
    word = f"not judged: {plain(one.reason, limit=60)}"
    if one.verdict is not None:
        word = f"{VERDICT[one.verdict]} {one.verdict.value}"
    return (
        f"{code(one.column, limit=40)} = {code(one.label, limit=40)}",
        word,
        plain(value) if one.value is not None else "",
        plain(ends),
        "" if one.allowed is None else plain(written(one.allowed, unit)),
        f"{one.n:,}",
    )


def groups(found: GroupsCompared) -> str:
    """Every group that a fairness check compared, the largest first."""
    rows = [
        (
            code(one.label, limit=60),
            *(map(plain, estimate_cells(one.value, found.unit)[:2]) if one.value else ("", "")),
            plain(one.reason, limit=60),
            f"{one.n:,}",
        )
        for one in sorted(found.groups, key=lambda g: (-g.n, g.label))
    ]
    head = ("group", code(found.measure, limit=60), "95 % interval", "", "rows")
    return _cut(head, rows, right=(1, 2, 4))


def checks(gate: GateResult) -> str:
    """The checks of a gate, what did not pass first."""
    rows = [_check(check) for check in sorted(gate.checks, key=severity)]
    head = ("check", "", "value", "95 % interval", "limit", "rows")
    return _cut(head, rows, right=(2, 3, 4, 5)) if rows else "It had no checks."


def _check(check: Check) -> tuple[str, ...]:
    value, limit = map(plain, phrases.sides(check))
    interval = ""
    if check.interval is not None:
        interval = plain(reach(check.interval.low, check.interval.high, check.unit))
    remarks = plain(" · ".join(phrases.remarks(check)), limit=200)
    name = code(check.name) + (f"<br>{remarks}" if remarks else "")
    word = f"{VERDICT[check.verdict]} {phrases.word(check)}"
    return name, word, value, interval, limit, "" if check.n is None else f"{check.n:,}"


def split(card: ModelCard) -> str:
    """How the rows were divided."""
    rule = dict(card.making.split)
    by = rule.pop("by", None)
    if by == "time":
        spans = [f"{plain(rule[part], limit=24)} {part}" for part in _LATER if part in rule]
        return (
            f"Rows are divided by time, from the newest backwards: {', '.join(spans)}; all before"
            " that train."
        )
    if by is None:
        return "How the rows were divided is not recorded."
    shares = [f"{percent(rule[part])} {part}" for part in _LATER if part in rule]
    return (
        f"Rows are divided by {plain(by, limit=40)}, so that all rows of one are in one part:"
        f" {', '.join(shares)}, the rest train."
    )


def columns(found: Sequence[Column]) -> str:
    """The inputs on the test rows."""
    rows = [
        (code(one.name, limit=60), plain(_values(one), limit=160), _missing(one)) for one in found
    ]
    head = ("input on the test rows", "least … (median) … greatest, or most frequent", "missing")
    return _cut(head, rows, right=(2,)) if rows else ""


def _rows_of(column: Column) -> int:
    if isinstance(column, NumericColumn):
        return sum(column.counts) + column.missing
    return sum(n for _, n in column.top) + column.other + column.missing


def _missing(column: Column) -> str:
    n = _rows_of(column)
    return percent(column.missing / n, 2) if n and column.missing else "none"


def _values(column: Column) -> str:
    n = _rows_of(column)
    if isinstance(column, NumericColumn):
        edges = column.edges
        if not edges:
            return "no values"
        kept = (edges[0], edges[5], edges[-1]) if len(edges) == _DECILES else (edges[0], edges[-1])
        return " … ".join(plain_numbers(kept))
    shares = [f"{value} {percent(count / n, 2)}" for value, count in column.top[:4] if n]
    rest = len(column.top) > 4 or column.other > 0
    return ", ".join(shares) + (", others" if rest else "")


def _cut(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int] = (),
    most: int = _MOST,
) -> str:
    shown = list(rows[:most])
    if len(rows) > most:
        shown.append((f"{len(rows) - most:,} more", *([""] * (len(head) - 1))))
    return table(head, shown, right=right)
