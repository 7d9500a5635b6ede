"""The competition: metrics, failures, parameters, and the winner on the test rows."""

from __future__ import annotations

from collections.abc import Iterable

from interlock.report import figures
from interlock.report.content import (
    Candidate,
    CandidateKind,
    Evaluation,
    RegressionSummary,
)
from interlock.report.figures import Figure
from interlock.report.names import shown
from interlock.report.numbers import counted, measure, percent, seconds_text
from interlock.report.sections.table import Limits, Table, value_text


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
    if metric.limit is not None:
        sign = "≤" if metric.lower_is_better else "≥"
        yield "limit", f"{sign} {measure(metric.limit, metric.unit)}"


def candidates(evaluation: Evaluation, limits: Limits) -> Table | None:
    """Every competitor by every metric, at most eight."""
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


def failures(evaluation: Evaluation, limits: Limits) -> tuple[tuple[str, str], ...]:
    """The competitors without scores, and why."""
    failed = [c for c in evaluation.candidates if c.failure]
    return tuple(
        (shown(c.name, limit=60), shown(c.failure, limit=300)) for c in failed[: limits.table_rows]
    )


def params(evaluation: Evaluation, limits: Limits) -> tuple[tuple[str, str], ...]:
    """The parameters of each competitor that has any."""
    found = []
    for candidate in evaluation.candidates[: limits.table_rows]:
        items = [
            f"{shown(key, limit=40)}={value_text(candidate.params[key])}"
            for key in sorted(candidate.params)
        ]
        if items:
            text = ", ".join(items[: limits.table_rows])
            found.append((shown(candidate.name, limit=60), text))
    return tuple(found)


def winner_sentence(evaluation: Evaluation | None) -> str:
    """What the winner was judged on, and whether its intervals kept their promise."""
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


def winner_figures(evaluation: Evaluation | None) -> tuple[Figure, ...]:
    """The pictures of the winner on the test rows."""
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
