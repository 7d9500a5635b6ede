"""From a report's content to what its template shows: texts in order, within a size.

:class:`Limits` says how much of each list is shown; what is left out is counted on the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from interlock.evaluate.compare import Estimate
from interlock.report import figures, phrases
from interlock.report.charts import spark
from interlock.report.content import (
    Candidate,
    CandidateKind,
    Column,
    Content,
    Data,
    Evaluation,
    NumericColumn,
    Quarantine,
    RegressionSummary,
    Service,
    Step,
    StepStatus,
)
from interlock.report.figures import Figure
from interlock.report.glyphs import STEP, VERDICT, severity
from interlock.report.names import shown
from interlock.report.numbers import counted, measure, percent, seconds_text, significant
from interlock.verdict import Check, GateResult, Verdict

_UPPER = ("≤", "<")
_LOWER = ("≥", ">")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of each list is shown."""

    shut_checks: int = 60
    open_checks: int = 200
    drawn_columns: int = 60
    listed_columns: int = 440
    table_rows: int = 40
    evidence: int = 1_200  # characters


@dataclass(frozen=True, kw_only=True)
class CheckView:
    """A check's texts; ``state`` is its CSS class."""

    state: str
    glyph: str
    word: str
    name: str
    comparison: str
    facts: tuple[str, ...]
    strip: Markup | None = None
    evidence: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class GateView:
    """A gate's texts, with the checks that keep it shut apart from the others."""

    anchor: str
    name: str
    state: str
    glyph: str
    word: str
    phrase: str
    opened: bool
    shut: tuple[CheckView, ...]
    others: tuple[CheckView, ...]
    left_out: int


@dataclass(frozen=True, kw_only=True)
class StepView:
    """A step's texts; ``anchor`` leads to its gate."""

    state: str
    glyph: str
    word: str
    name: str
    detail: str
    seconds: str
    anchor: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """A titled table of texts; ``left_out`` rows are counted, not shown."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0


@dataclass(frozen=True, kw_only=True)
class ColumnView:
    """A column's texts and small drawings."""

    name: str
    drawing: Markup | None
    values: str
    missing: str
    missing_bar: Markup | None
    shift: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """Everything the template shows."""

    title: str
    header: str
    state: str
    outcome: str
    status: str
    facts: tuple[tuple[str, str], ...]
    commands: tuple[tuple[str, str], ...]
    steps: tuple[StepView, ...]
    gates: tuple[GateView, ...]
    forest: Figure | None = None
    candidates: Table | None = None
    failures: tuple[tuple[str, str], ...] = ()
    params: tuple[tuple[str, str], ...] = ()
    test: str = ""
    test_figures: tuple[Figure, ...] = ()
    flow: tuple[tuple[str, str, str], ...] = ()
    split: Figure | None = None
    split_table: Table | None = None
    quarantine: tuple[Table, ...] = ()
    columns: tuple[ColumnView, ...] = ()
    other_columns: tuple[str, ...] = ()
    columns_note: str = ""
    service: tuple[Table, ...] = ()
    service_figure: Figure | None = None
    lineage: tuple[Table, ...] = field(default=())


def page(content: Content, limits: Limits) -> Page:
    """The page of one delivery."""
    verdict = content.verdict
    data, evaluation = content.data, content.evaluation
    drawn, listed, note = _columns(data, limits)
    return Page(
        title=f"{shown(content.product)} delivery {content.number}",
        header=phrases.delivery_phrase(
            content.product,
            content.number,
            content.as_of,
            zone=content.zone,
            environment=content.environment,
            champion=content.champion,
            live_for=content.champion_live_for,
        ),
        state=_state(verdict),
        outcome=phrases.outcome(content),
        status=shown(content.status, limit=400),
        facts=tuple(_facts(content)),
        commands=tuple((shown(c.line, limit=300), shown(c.purpose)) for c in content.next_commands),
        steps=_steps(content),
        gates=_gates(content.gates, limits),
        forest=None if evaluation is None else figures.forest(evaluation),
        candidates=None if evaluation is None else _candidates(evaluation, limits),
        failures=() if evaluation is None else _failures(evaluation),
        params=() if evaluation is None else _params(evaluation, limits),
        test=_test_sentence(evaluation),
        test_figures=_test_figures(evaluation),
        flow=() if data is None else _flow(data),
        split=None if data is None else figures.split(data, content.zone),
        split_table=_split_table(data),
        quarantine=() if data is None else _quarantine(data, limits),
        columns=drawn,
        other_columns=listed,
        columns_note=note,
        service=() if content.service is None else _service(content.service, limits),
        service_figure=None if content.service is None else figures.latencies(content.service),
        lineage=_lineage(content, limits),
    )


def _state(verdict: Verdict) -> str:
    return verdict.value.replace(" ", "-")


def _facts(content: Content) -> Iterable[tuple[str, str]]:
    yield "release", shown(content.label, limit=40) if content.label else "none made"
    if content.evaluation is not None:
        yield from _key_figures(content.evaluation)


def _key_figures(evaluation: Evaluation) -> Iterable[tuple[str, str]]:
    """The ranking metric of the winner and of the champion, and its limit."""
    if not evaluation.metrics:
        return
    metric = evaluation.metrics[0]
    for candidate in evaluation.candidates:
        champion = candidate.kind is CandidateKind.CHAMPION
        found = candidate.metrics.get(metric.name)
        if found is not None and (champion or candidate.name == evaluation.winner):
            who = f"champion {candidate.name}" if champion else candidate.name
            name = f"{shown(metric.name, limit=40)} of {shown(who, limit=40)}"
            yield name, measure(found.value, metric.unit)
    if metric.limit is not None:
        sign = "≤" if metric.lower_is_better else "≥"
        yield "limit", f"{sign} {measure(metric.limit, metric.unit)}"


def _steps(content: Content) -> tuple[StepView, ...]:
    gates = {phrases.gate_name(gate.gate): gate for gate in content.gates}
    views = []
    for step in content.steps:
        name = phrases.gate_name(step.name)
        views.append(_step(step, gates.get(name), _anchor(name)))
    return tuple(views)


def _step(step: Step, gate: GateResult | None, anchor: str) -> StepView:
    if gate is None:
        state, glyph, word, anchor = step.status.value, STEP[step.status], step.status.value, ""
    else:
        state, glyph = _state(gate.verdict), VERDICT[gate.verdict]
        word = gate.verdict.value
        if step.status is StepStatus.CACHED:
            word = f"{word}, cached"
    return StepView(
        state=state,
        glyph=glyph,
        word=word,
        name=shown(step.name, limit=40),
        detail=shown(step.detail, limit=160),
        seconds=seconds_text(step.seconds),
        anchor=anchor,
    )


def _anchor(name: str) -> str:
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower())
    return f"gate-{kept[:40]}"


def _gates(gates: Sequence[GateResult], limits: Limits) -> tuple[GateView, ...]:
    views = []
    first_shut = next((gate for gate in gates if not gate.opens), None)
    for gate in gates:
        shut = sorted((c for c in gate.checks if not c.opens), key=severity)
        others = sorted((c for c in gate.checks if c.opens), key=severity)
        left_out = max(0, len(shut) - limits.shut_checks)
        left_out += max(0, len(others) - limits.open_checks)
        name = phrases.gate_name(gate.gate)
        views.append(
            GateView(
                anchor=_anchor(name),
                name=shown(name, limit=60),
                state=_state(gate.verdict),
                glyph=VERDICT[gate.verdict],
                word=gate.verdict.value,
                phrase=phrases.gate_phrase(gate),
                opened=gate is first_shut,
                shut=tuple(_check(c, limits, full=True) for c in shut[: limits.shut_checks]),
                others=tuple(_check(c, limits, full=False) for c in others[: limits.open_checks]),
                left_out=left_out,
            )
        )
    return tuple(views)


def _check(check: Check, limits: Limits, *, full: bool) -> CheckView:
    return CheckView(
        state=_state(check.verdict),
        glyph=VERDICT[check.verdict],
        word=check.verdict.value,
        name=shown(check.name, limit=90),
        comparison=phrases.comparison(check),
        facts=tuple(phrases.facts(check)),
        strip=_strip(check) if full or check.interval is not None else None,
        evidence=_evidence(check.evidence, limits) if full else (),
    )


def _strip(check: Check) -> Markup | None:
    measured, threshold = check.measured, check.threshold
    ends = (check.interval.low, check.interval.high) if check.interval is not None else ()
    finite = [v for v in (measured, threshold, *ends) if v is not None and abs(v) < float("inf")]
    if measured is None or threshold is None or len(finite) != 2 + len(ends):
        return None
    estimate = Estimate(value=measured, interval=check.interval, n=check.n or 0, units=0)
    bad_above = True if check.comparison in _UPPER else None
    bad_above = False if check.comparison in _LOWER else bad_above
    return spark.strip(phrases.comparison(check), estimate, threshold, bad_above=bad_above)


def _evidence(evidence: Mapping[str, Any], limits: Limits) -> tuple[tuple[str, str], ...]:
    rows, left = [], limits.evidence
    for key in sorted(evidence, key=str):
        text = _value(evidence[key], max(0, min(left, 400)))
        if left <= 0:
            break
        rows.append((shown(key, limit=60), text))
        left -= len(text) + 40
    return tuple(rows)


def _value(value: object, limit: int = 60) -> str:
    if isinstance(value, bool) or value is None:
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, int | float):
        return significant(value, 4)
    if isinstance(value, Mapping | list | tuple):
        plain = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
        return shown(plain, limit=max(limit, 1))
    return shown(value, limit=max(limit, 1))


def _candidates(evaluation: Evaluation, limits: Limits) -> Table | None:
    if not evaluation.candidates:
        return None
    head = ["competitor", "", *(shown(m.name, limit=40) for m in evaluation.metrics[:8])]
    head += ["trained in", "packaged as"]
    rows = tuple(_candidate(c, evaluation) for c in evaluation.candidates)
    return Table(
        title="All metrics on the test rows",
        head=tuple(head),
        rows=rows[: limits.table_rows],
        left_out=max(0, len(rows) - limits.table_rows),
    )


def _candidate(candidate: Candidate, evaluation: Evaluation) -> tuple[str, ...]:
    won = candidate.name == evaluation.winner
    scores = [candidate.metrics.get(metric.name) for metric in evaluation.metrics[:8]]
    texts = [
        figures.estimate_text(score, metric.unit)
        for score, metric in zip(scores, evaluation.metrics, strict=False)
    ]
    packaged = " · ".join(filter(None, [candidate.format, candidate.exactness]))
    return (
        shown(candidate.name, limit=60),
        f"{candidate.kind.value}, winner" if won else candidate.kind.value,
        *texts,
        seconds_text(candidate.seconds),
        shown(packaged, limit=80),
    )


def _failures(evaluation: Evaluation) -> tuple[tuple[str, str], ...]:
    failed = [c for c in evaluation.candidates if c.failure]
    return tuple((shown(c.name, limit=60), shown(c.failure, limit=300)) for c in failed)


def _params(evaluation: Evaluation, limits: Limits) -> tuple[tuple[str, str], ...]:
    found = []
    for candidate in evaluation.candidates:
        items = [
            f"{shown(key, limit=40)}={_value(candidate.params[key])}"
            for key in sorted(candidate.params)
        ]
        if items:
            text = ", ".join(items[: limits.table_rows])
            found.append((shown(candidate.name, limit=60), text))
    return tuple(found)


def _test_sentence(evaluation: Evaluation | None) -> str:
    if evaluation is None or evaluation.test is None:
        return "No candidate reached the test rows."
    test = evaluation.test
    parts = [
        f"{shown(evaluation.winner or 'The winner', limit=60)} on {counted(test.n, 'test row')}"
    ]
    if test.unusable:
        parts.append(f"{counted(test.unusable, 'row')} without a finite answer or truth left out")
    if isinstance(test, RegressionSummary) and test.coverage is not None:
        coverage = test.coverage
        text = f"the prediction interval held the truth in {figures.estimate_text(coverage, '%')}"
        promise = f" of the rows; promised {percent(test.promised)}" if test.promised else ""
        parts.append(text + promise)
    return " · ".join(parts) + "."


def _test_figures(evaluation: Evaluation | None) -> tuple[Figure, ...]:
    if evaluation is None or evaluation.test is None:
        return ()
    test = evaluation.test
    if isinstance(test, RegressionSummary):
        found = [figures.predictions(test), figures.residuals(test), figures.over_time(test)]
    else:
        found = [figures.confusions(test), figures.calibration(test), *figures.curves(test)]
        found.append(figures.over_time(test))
    found.append(figures.by_slice(test))
    return tuple(figure for figure in found if figure is not None)


def _flow(data: Data) -> tuple[tuple[str, str, str], ...]:
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


def _split_table(data: Data | None) -> Table | None:
    if data is None or not data.splits or any(p.start is not None for p in data.splits):
        return None
    rows = tuple((shown(part.name), f"{part.rows:,}") for part in data.splits)
    return Table(title="Split of the usable rows", head=("part", "rows"), rows=rows)


def _quarantine(data: Data, limits: Limits) -> tuple[Table, ...]:
    groups = sorted(data.quarantined, key=lambda g: (-g.rows, g.reason))
    return tuple(_quarantined(group) for group in groups[: limits.table_rows])


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


def _columns(
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
        shift="" if column.shift is None else significant(column.shift, 2),
    )


def _numeric_values(column: NumericColumn) -> str:
    """Least, middle and greatest edge: of deciles, the median."""
    edges = column.edges
    if not edges:
        return "no values"
    return " … ".join(significant(edges[i], 4) for i in (0, len(edges) // 2, -1))


def _category_values(top: Sequence[tuple[str, int]], rows: int, other: int) -> str:
    texts = [f"{shown(value, limit=24)} {percent(n / rows, 2)}" for value, n in top[:3] if rows]
    rest = len(top) - 3
    if rest > 0 or other:
        texts.append(f"{max(rest, 0)} more" if not other else "others")
    return ", ".join(texts) or "no values"


def _service(service: Service, limits: Limits) -> tuple[Table, ...]:
    tables = []
    if service.parity:
        rows = sorted(service.parity, key=lambda p: (p.different == 0, p.name))
        tables.append(
            Table(
                title="The service answers as the trained model",
                head=(
                    "compared",
                    "",
                    "values",
                    "different",
                    "worst, relative",
                    "allowed",
                    "example",
                ),
                rows=tuple(
                    (
                        shown(p.name),
                        "✔ equal"
                        if p.compared and not p.different
                        else "✖ different"
                        if p.different
                        else "? nothing compared",
                        f"{p.compared:,}",
                        f"{p.different:,}",
                        "" if p.worst is None else significant(p.worst),
                        "" if p.tolerance is None else significant(p.tolerance),
                        shown(p.example, limit=160),
                    )
                    for p in rows[: limits.table_rows]
                ),
                left_out=max(0, len(rows) - limits.table_rows),
            )
        )
    if service.bad_inputs:
        inputs = sorted(service.bad_inputs, key=lambda b: (b.refused, b.name))
        tables.append(
            Table(
                title="Requests that must be refused",
                head=("request", "", "expected", "got"),
                rows=tuple(
                    (
                        shown(b.name),
                        "✔ refused" if b.refused else "✖ not refused",
                        shown(b.expected),
                        shown(b.got),
                    )
                    for b in inputs[: limits.table_rows]
                ),
                left_out=max(0, len(inputs) - limits.table_rows),
            )
        )
    return tuple(tables)


def _lineage(content: Content, limits: Limits) -> tuple[Table, ...]:
    lineage = content.lineage
    if lineage is None:
        return ()
    commit = shown(lineage.commit) if lineage.commit else "not in version control"
    inputs = [("commit", f"{commit}, with changes not committed" if lineage.dirty else commit)]
    if lineage.snapshot:
        inputs.append(("snapshot", shown(lineage.snapshot)))
    if lineage.code:
        inputs.append(("packed code", shown(lineage.code)))
    if content.digest:
        inputs.append(("bundle", shown(content.digest)))
    tables = [Table(title="Made from", head=("input", "identity"), rows=tuple(inputs))]
    if lineage.attestations:
        signed = sorted(lineage.attestations, key=lambda a: (a.kind, a.digest, a.keyid))
        rows = [(shown(a.kind), shown(a.keyid, limit=80), shown(a.digest)) for a in signed]
        tables.append(
            _table("Attestations", ("statement", "signed by key", "digest"), rows, limits)
        )
    seeds = [(shown(name), str(lineage.seeds[name])) for name in sorted(lineage.seeds)]
    if seeds:
        tables.append(_table("Seeds", ("for", "seed"), seeds, limits))
    versions = [(shown(name), shown(v)) for name, v in sorted(lineage.libraries.items())]
    if versions:
        tables.append(_table("Libraries", ("library", "version"), versions, limits, most=100))
    return tuple(tables)


def _table(
    title: str,
    head: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    limits: Limits,
    *,
    most: int | None = None,
) -> Table:
    most = most or limits.table_rows
    return Table(title=title, head=head, rows=tuple(rows[:most]), left_out=max(0, len(rows) - most))
