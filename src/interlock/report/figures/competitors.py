"""The competition: all competitors by one metric."""

from __future__ import annotations

from interlock.report.blocks import Figure
from interlock.report.charts.intervals import Row, both
from interlock.report.charts.references import Reference
from interlock.report.content import Candidate, CandidateKind, Evaluation
from interlock.report.measured import estimate_cells, estimate_text, limits_of, written
from interlock.report.names import shown

_MOST_COMPETITORS = 24


def forest(evaluation: Evaluation) -> Figure | None:
    """All competitors by the first metric, against its limit and the champion."""
    scored = [c for c in ranked(evaluation) if c.metrics]
    if not evaluation.metrics or not scored:
        return None
    metric = evaluation.metrics[0]
    rows = [
        Row(
            name=_competitor(c.name, c.kind, winner=c.name == evaluation.winner),
            text=estimate_text(c.metrics.get(metric.name), metric.unit),
            estimate=c.metrics.get(metric.name),
            kind=c.kind,
            emphasised=c.name == evaluation.winner,
        )
        for c in scored[:_MOST_COMPETITORS]
    ]
    references = _forest_references(evaluation)
    better = "lower is better" if metric.lower_is_better else "higher is better"
    plain = metric.unit in ("", "1", "%")
    axis = f"{metric.name}, {better}" if plain else f"{metric.name} in {metric.unit}, {better}"
    title = f"Candidates by {metric.name}, with 95 % intervals"
    wide, narrow = both(title, rows, references=references, axis=axis, percent=metric.unit == "%")
    return Figure(
        title=title,
        drawing=wide,
        narrow=narrow,
        head=("competitor", metric.name, "95 % interval", "rows"),
        rows=tuple((row.name, *estimate_cells(row.estimate, metric.unit)) for row in rows),
        note="Circle: candidate. Square: baseline. Diamond: champion. Triangle: yardstick."
        " A line is a 95 % interval.",
    )


def ranked(evaluation: Evaluation) -> list[Candidate]:
    """The winner, the other candidates, baselines, champion, yardsticks."""
    order = {kind: i for i, kind in enumerate(CandidateKind)}
    return sorted(
        evaluation.candidates,
        key=lambda c: (c.name != evaluation.winner, order[c.kind], c.name),
    )


def _forest_references(evaluation: Evaluation) -> list[Reference]:
    metric = evaluation.metrics[0]
    found = [
        Reference(value=value, text=f"limit {text}", bad_above=above)
        for value, above, text in limits_of(metric)
    ]
    for c in evaluation.candidates:
        if c.kind is CandidateKind.CHAMPION and metric.name in c.metrics:
            value = c.metrics[metric.name].value
            text = f"champion {written(value, metric.unit)}"
            found.append(Reference(value=value, text=text, class_="champion-line"))
    return found


def _competitor(name: str, kind: CandidateKind, *, winner: bool) -> str:
    return f"{shown(name, limit=60)} · {'winner' if winner else kind.value}"
