"""Behaviour checks: how answers followed changed requests, with the requests that broke a rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from interlock.report.blocks import Block, Cell, Fold, Section, Table, Text, section
from interlock.report.charts import spark
from interlock.report.charts.svg import tag
from interlock.report.content import Behaviour, BehaviourExample, Evaluation
from interlock.report.glyphs import VERDICT
from interlock.report.measured import estimate_cells
from interlock.report.names import shown
from interlock.report.numbers import percent, significant
from interlock.report.sections.gates import css_class
from interlock.report.sections.table import Limits, cut, value_text
from interlock.verdict import Verdict

_HEAD = ("check", "", "broke the rule", "of tried", "95 % interval", "allowed", "")
_WORST = 5
_FIELDS = 8


def behaviour(evaluation: Evaluation | None, limits: Limits) -> Section | None:
    """Every behaviour check, what failed first, each with its worst examples."""
    if evaluation is None or not evaluation.behaviour:
        return None
    found = sorted(evaluation.behaviour, key=lambda one: (-_severity(one.verdict), one.name))
    rows = [_row(one) for one in found]
    return section(
        "Behaviour", cut("", _HEAD, rows, limits), *_examples(found[: limits.table_rows])
    )


def _severity(verdict: Verdict) -> int:
    return tuple(Verdict).index(verdict)


def _row(one: Behaviour) -> tuple[Cell, ...]:
    _, ends, _ = estimate_cells(one.share, "%") if one.share is not None else ("", "", "")
    return (
        shown(one.name, limit=80),
        verdict_cell(one.verdict),
        f"{one.violations:,}",
        f"{one.rows:,}",
        f"{ends} %" if ends else "",
        "" if one.limit is None else f"≤ {percent(one.limit)}",
        _strip(one) or "",
    )


def verdict_cell(verdict: Verdict) -> Markup:
    """The verdict's glyph and word, in its colour."""
    text = f"{VERDICT[verdict]} {verdict.value}"
    return tag("span", tag("span", text, class_="state"), class_=css_class(verdict))


def _strip(one: Behaviour) -> Markup | None:
    if one.share is None or one.limit is None:
        return None
    title = f"{percent(one.share.value)} of requests, at most {percent(one.limit)} allowed"
    return spark.strip(title, one.share, one.limit, bad_above=True)


def _examples(found: Sequence[Behaviour]) -> Iterable[Block]:
    first = True
    for one in found:
        if not one.worst and not one.skipped:
            continue
        name = shown(one.name, limit=80)
        opened = first and one.verdict is not Verdict.PASSED
        yield Fold(summary=f"{name}: {_summary(one)}", blocks=tuple(_told(one)), opened=opened)
        first = False


def _summary(one: Behaviour) -> str:
    if one.kind == "example":
        return "the example"
    if not one.worst:
        return "what could not be tried"
    kept = one.worst[:_WORST]
    return f"the {'request' if len(kept) == 1 else f'{len(kept)} requests'} that broke it most"


def _told(one: Behaviour) -> Iterable[Block]:
    if one.worst:
        changed = any(example.field for example in one.worst)
        names = _fields(one.worst)
        head = ("changed", "from", "to", "answer before", "after") if changed else ("answer",)
        yield Table(
            head=(*head, *(shown(name, limit=40) for name in names)),
            rows=tuple(_example(example, names, changed=changed) for example in one.worst[:_WORST]),
            narrow=True,
        )
    if one.skipped:
        said = (f"{n:,} {shown(reason, limit=120)}" for reason, n in sorted(one.skipped.items()))
        yield Text(text=f"Could not be changed: {'; '.join(said)}.", quiet=True)


def _fields(worst: Sequence[BehaviourExample]) -> list[str]:
    changed = {example.field for example in worst}
    names = {str(name) for example in worst for name in example.request}
    return sorted(names - changed)[:_FIELDS]


def _example(example: BehaviourExample, names: Sequence[str], *, changed: bool) -> tuple[Cell, ...]:
    request = {str(name): value for name, value in example.request.items()}
    fields = tuple(_plain(request.get(name)) for name in names)
    if not changed:
        return (_answer(example.after), *fields)
    return (
        shown(example.field, limit=40),
        _plain(example.was),
        _plain(example.became),
        _answer(example.before),
        _answer(example.after),
        *fields,
    )


def _plain(value: Any) -> str:
    return "missing" if value is None else value_text(value, 40)


def _answer(value: Any) -> str:
    """A number, or one probability a class."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return significant(float(value), 4)
    if isinstance(value, Mapping):
        return ", ".join(f"{shown(k, limit=20)} {_answer(v)}" for k, v in list(value.items())[:4])
    if isinstance(value, list | tuple):
        return ", ".join(_answer(v) for v in value[:4])
    return _plain(value)
