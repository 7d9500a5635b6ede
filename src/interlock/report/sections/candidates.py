"""The competition: every competitor by every metric, failures, and parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from interlock.report.blocks import Cell, Fold, Section, Table, Text, section
from interlock.report.content import Candidate, CandidateKind, Evaluation, Ranked
from interlock.report.figures.competitors import forest, ranked
from interlock.report.measured import better, direction, estimate_markup, limits_of
from interlock.report.names import shown
from interlock.report.numbers import measure, seconds_text
from interlock.report.phrases import packaging
from interlock.report.sections.table import Limits, cut, value_text

_MOST_METRICS = 8


def key_figures(evaluation: Evaluation) -> Iterable[tuple[str, str]]:
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
    limits = [text for _, _, text in limits_of(metric)]
    if limits:
        yield "limit", " and ".join(limits)


def candidates(evaluation: Evaluation | None, limits: Limits) -> Section | None:
    """Who took part, and how they fared."""
    if evaluation is None or not evaluation.candidates:
        return None
    return section(
        "Candidates",
        forest(evaluation),
        *_failures(evaluation, limits),
        _all_metrics(evaluation, limits),
        _ranking(evaluation, limits),
        _unscored(evaluation),
        _meanings(evaluation),
        _made(evaluation, limits),
    )


def _failures(evaluation: Evaluation, limits: Limits) -> Iterable[Text]:
    """The competitors without scores, and why."""
    failed = [c for c in evaluation.candidates if c.failure]
    for candidate in failed[: limits.table_rows]:
        name = shown(candidate.name, limit=60)
        said = f"{name}: {shown(candidate.failure, limit=300)}"
        yield Text(word="✖ failed", state="failed", text=said)


def _all_metrics(evaluation: Evaluation, limits: Limits) -> Table:
    metrics = evaluation.metrics[:_MOST_METRICS]
    head = ("competitor", "", *(f"{shown(m.name, limit=40)}\u00a0{direction(m)}" for m in metrics))
    rows = [_scores(c, evaluation) for c in ranked(evaluation) if c.metrics]
    return cut("All metrics on the test rows", head, rows, limits)


def _scores(candidate: Candidate, evaluation: Evaluation) -> tuple[Cell, ...]:
    won = candidate.name == evaluation.winner
    scores = [
        estimate_markup(candidate.metrics.get(metric.name), metric.unit)
        for metric in evaluation.metrics[:_MOST_METRICS]
    ]
    kind = f"{candidate.kind.value}, winner" if won else candidate.kind.value
    return shown(candidate.name, limit=60), kind, *scores


def _ranking(evaluation: Evaluation, limits: Limits) -> Table | None:
    """How the winner was chosen; nothing where there was no choice."""
    if len(evaluation.ranking) < 2 or not evaluation.metrics:
        return None
    metric = evaluation.metrics[0]
    head = (
        "candidate",
        f"{shown(metric.name, limit=40)} on the tune rows",
        "behind the best, 95 %",
        "cost to serve",
        "",
    )
    rows = [_place(row, metric.unit) for row in evaluation.ranking]
    return cut("How the winner was chosen", head, rows, limits)


def _place(row: Ranked, unit: str) -> tuple[Cell, ...]:
    chosen = "chosen: " if row.chosen else ""
    return (
        shown(row.name, limit=60),
        measure(row.value, unit),
        estimate_markup(row.difference, unit),
        row.cost,
        chosen + shown(row.because, limit=200),
    )


def _unscored(evaluation: Evaluation) -> Text | None:
    """Who has no scores although nothing failed: only the best see the test rows."""
    names = [shown(c.name, limit=40) for c in evaluation.candidates if _is_unscored(c)]
    if not names or evaluation.ranking or len(names) == len(evaluation.candidates):
        return None
    listed = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return Text(text=f"Ranked lower on the tune rows, so not scored here: {listed}.", quiet=True)


def _meanings(evaluation: Evaluation) -> Fold | None:
    rows = tuple(
        (shown(m.name, limit=40), shown(m.meaning, limit=160), better(m))
        for m in evaluation.metrics[:_MOST_METRICS]
        if m.meaning
    )
    if not rows:
        return None
    table = Table(head=("metric", "what it measures", "better"), rows=rows)
    return Fold(summary="What each metric measures", blocks=(table,))


def _is_unscored(candidate: Candidate) -> bool:
    return not candidate.metrics and not candidate.failure


def _made(evaluation: Evaluation, limits: Limits) -> Fold | None:
    """How long each took to train, how it is packaged, and its parameters."""
    trained = [c for c in evaluation.candidates if c.seconds is not None or c.params or c.format]
    if not trained:
        return None
    head = ("competitor", "trained in", "packaged as", "parameters")
    rows = [_making(candidate, limits) for candidate in trained]
    return Fold(summary="How each was made", blocks=(cut("", head, rows, limits),))


def _making(candidate: Candidate, limits: Limits) -> tuple[Cell, ...]:
    packaged = " · ".join(filter(None, [packaging(candidate.format), candidate.exactness]))
    return (
        shown(candidate.name, limit=60),
        seconds_text(candidate.seconds),
        shown(packaged, limit=80),
        _params(candidate.params, limits.table_rows) or "defaults",
    )


def _params(params: Mapping[str, Any], most: int) -> str:
    """'Ridge: alpha=1, tol=0.0001': the class, where it is told apart, and its arguments."""
    kind, given = "", params
    if set(params) == {"class", "params"} and isinstance(params["params"], Mapping):
        kind = f"{shown(str(params['class']).rpartition('.')[2], limit=60)}: "
        given = params["params"]
    items = [f"{shown(key, limit=40)}={_argument(given[key])}" for key in sorted(given, key=str)]
    return kind + ", ".join(items[:most])


def _argument(value: object) -> str:
    """As it is typed: 0.1, 1e-07, 735278382, True."""
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    return value_text(value)
