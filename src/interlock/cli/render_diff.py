"""What differs between two releases, as lines for people.

``~`` changed, ``+`` new, ``−`` gone, ``=`` the same. A part that did not change is one line: what
is not said was not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from interlock.cli.render import table
from interlock.evaluate.compare import Estimate
from interlock.release.diff import Difference, Mark
from interlock.report.names import shown
from interlock.report.numbers import (
    measure,
    moment,
    percent,
    reach,
    significant,
    united,
)
from interlock.stats.drift import Level
from interlock.wording import counted

if TYPE_CHECKING:
    from interlock.data.profile_shift import ProfileShift
    from interlock.pipeline.contrast import Contrast, Disagreement, PairedMetric, Said
    from interlock.release.diff import CodeChange, OwnMetric
    from interlock.use_cases.diff import DiffReport

_SHORT = 12  # characters of a digest
_CODE_LINES = 20  # shown of a module's changes
_LONG = 200  # characters of a value


def diff_lines(report: DiffReport, *, all_code: bool) -> list[str]:
    """Part by part, then both on the same rows; the verdict for consumers comes last."""
    before, after = report.before, report.after
    head = f"{shown(report.product)} {before.label} → {after.label}"
    digests = f"{before.bundle[:_SHORT]} → {after.bundle[:_SHORT]}"
    lines = [f"{head} · {digests}"]
    lines += [
        f"! {label}: {shown(said, limit=_LONG)}"
        for label, some in report.erased.items()
        for said in some
    ]
    if report.same:
        return [*lines, f"= the same release: {before.label}"]
    changes = report.changes
    request = [
        f"  ~ {shown(c.field)}: {shown(c.what, limit=_LONG)}" + (", breaking" if c.breaking else "")
        for c in changes.request
    ]
    labels = (before.label, after.label)
    return [
        *lines,
        "code",
        *(line for module in changes.code for line in _code_lines(module, whole=all_code)),
        "request",
        *(request or ["  = the same fields"]),
        "answer",
        *_difference_lines(changes.answer),
        "features",
        *(_difference_lines(changes.features) or ["  = the same definitions"]),
        "model",
        *_difference_lines(changes.model),
        "parameters",
        *(_difference_lines(changes.parameters) or ["  = the same"]),
        "data",
        *_difference_lines(changes.data),
        *_shift_lines(changes.shifts),
        "metrics, each release on its own test rows",
        *_own_lines(changes.metrics, labels),
        *(_contrast_lines(report.contrast, labels) if report.contrast else ()),
        *_verdict(changes.breaking),
    ]


def _code_lines(module: CodeChange, *, whole: bool) -> Iterator[str]:
    name = f"packed/{shown(module.module)}.py"
    if module.mark is Mark.SAME:
        yield f"  = the same {name}"
        return
    word = {Mark.ADDED: "new", Mark.REMOVED: "gone", Mark.CHANGED: "changed"}[module.mark]
    lines = f"{counted(module.added, 'line')} added, {module.removed} removed"
    yield f"  {module.mark} {word} {name}: {lines}"
    limit = len(module.lines) if whole else _CODE_LINES
    yield from (f"      {shown(line, limit=_LONG)}" for line in module.lines[:limit])
    if len(module.lines) > limit:
        yield f"      … {counted(len(module.lines) - limit, 'line')} more: interlock diff --code"


def _difference_lines(found: Iterable[Difference]) -> list[str]:
    """What changed line by line; what did not, in one."""
    lines, same = [], []
    for each in found:
        if each.mark is Mark.SAME:
            same.append(f"{shown(each.name)} {_value(each.after)}")
        else:
            lines.append(
                f"  {each.mark} {_changed(each)}" + (", breaking" if each.breaking else "")
            )
    return lines + ([f"  = the same {', '.join(same)}"] if same else [])


def _changed(each: Difference) -> str:
    name = shown(each.name)
    if each.mark is Mark.ADDED:
        return f"new {name}: {_value(each.after)}"
    if each.mark is Mark.REMOVED:
        return f"gone {name}: {_value(each.before)}"
    return f"{name}: {_value(each.before)} → {_value(each.after)}"


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, str):
        digest = len(value) == 64 and all(c in "0123456789abcdef" for c in value)
        return value[:_SHORT] if digest else shown(value, limit=_LONG)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
    if isinstance(value, list | tuple):
        return shown(", ".join(map(_value, value)), limit=_LONG) or "none"
    return shown(value, limit=_LONG)


def _shift_lines(shifts: Sequence[ProfileShift]) -> list[str]:
    """The inputs that moved between the two releases' test rows, the furthest first."""
    if not shifts:
        return []
    moved = [s for s in shifts if s.level in (Level.WARNING, Level.HIGH)]
    few = [s for s in shifts if s.level is Level.INSUFFICIENT]
    lines = [
        f"  ~ {shown(s.name)} drifted: PSI {s.shift.psi:.2f}, {s.level.value}"
        + ("" if s.exact else " (read off quantiles)")
        for s in sorted(moved, key=lambda s: (-s.shift.psi, s.name))
    ]
    if few:
        lines.append(f"  ? too few rows to say: {', '.join(shown(s.name) for s in few)}")
    still = len(shifts) - len(moved) - len(few)
    return [*lines, f"  = no drift in {counted(still, 'input')} of {len(shifts)}"]


def _own_lines(metrics: Sequence[OwnMetric], labels: tuple[str, str]) -> list[str]:
    rows = [
        (m.name, _own(m.before, m.unit), _own(m.after, m.unit))
        for m in metrics
        if m.before is not None or m.after is not None
    ]
    return table([("", *labels), *rows]) if rows else ["  – none were measured"]


def _own(measured: Any, unit: str) -> str:
    if measured is None or measured["value"] is None:
        return "not measured"
    ends = ""
    if measured["low"] is not None and measured["high"] is not None:
        ends = f" ({reach(measured['low'], measured['high'], unit)})"
    return f"{measure(measured['value'], unit)}{ends}, n {measured['n']:,}"


def _contrast_lines(found: Contrast, labels: tuple[str, str]) -> Iterator[str]:
    as_of = moment(found.as_of, zone=found.zone)
    if found.reason:
        yield f"on the same rows, as of {as_of}"
        yield f"  ? not compared: {shown(found.reason, limit=400)}"
        return
    yield (
        f"on the same rows: {found.rows:,} test rows as of {as_of}, {found.both:,} answered by both"
    )
    if any(found.not_covered):
        told = [f"{n:,} by {shown(o)}" for o, n in zip(labels, found.not_covered, strict=True)]
        yield f"  not covered: {', '.join(told)}; these are not compared"
    if found.unjudged:
        yield f"  ? metrics not compared: {shown(found.unjudged, limit=400)}"
    else:
        yield f"  on those {found.unseen:,} that neither has learned from:"
        yield from table([_paired_cells(m, labels) for m in found.metrics])
    if not found.disagreements:
        yield "  = the same answer to every row" if found.both else "  – no row to disagree on"
        return
    yield "where they disagree most"
    head = ("row", "about", *labels, "difference", "in truth")
    yield from table([head, *(_row_cells(d, found) for d in found.disagreements)])


def _paired_cells(metric: PairedMetric, labels: tuple[str, str]) -> tuple[str, ...]:
    """'~ mdape', '13.1 % → 11.9 %', '-1.2 % (-1.8 to -0.6)', '1.1.0 is better'."""
    change = metric.change
    values = f"{_plain(metric.before, metric.unit)} → {_plain(metric.after, metric.unit)}"
    if change.interval is None:
        return f"? {metric.name}", values, "no interval", shown(change.reason, limit=_LONG)
    low, high = change.interval.low, change.interval.high
    moved = low > 0 or high < 0
    ends = f"{measure(change.value, metric.unit)} ({reach(low, high, metric.unit)})"
    word = "no difference shown"
    if moved and metric.better == "target":
        word = "changed"
    elif moved:
        improved = (change.value < 0) == (metric.better == "lower")
        word = f"{labels[1] if improved else labels[0]} is better"
    return f"{'~' if moved else '='} {metric.name}", values, ends, word


def _plain(found: Estimate, unit: str) -> str:
    return measure(found.value, unit) if found.value == found.value else "undefined"


def _row_cells(row: Disagreement, found: Contrast) -> tuple[str, ...]:
    if row.before.probability is not None:
        size = f"{percent(abs(row.size))} of probability"
    elif found.relative:
        size = f"{row.size * 100:+.1f} %"
    else:
        size = united(f"{row.size:+,.6g}", found.unit)
    truth = row.truth if row.before.probability is not None else measure(row.truth, found.unit)
    return (
        shown(row.key, limit=40),
        moment(row.at, zone=found.zone),
        _said(row.before, found.unit),
        _said(row.after, found.unit),
        size,
        shown(truth, limit=40),
    )


def _said(said: Said, unit: str) -> str:
    if said.probability is None:
        return measure(said.value, unit)
    return f"{shown(said.value, limit=40)} {significant(said.probability)}"


def _verdict(breaking: Sequence[str]) -> list[str]:
    if not breaking:
        return ["✔ compatible: a consumer need not change anything"]
    return [
        *(f"✖ breaking: {shown(each, limit=_LONG)}" for each in breaking),
        f"✖ {counted(len(breaking), 'breaking change')}: a consumer must change with it",
    ]
