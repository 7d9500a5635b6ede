"""From a report's content to what its template shows: texts in order, within a size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from interlock.report import figures, phrases
from interlock.report.content import (
    Content,
)
from interlock.report.figures import Figure
from interlock.report.names import shown
from interlock.report.sections.contest import (
    candidates,
    failures,
    key_figures,
    params,
    winner_figures,
    winner_sentence,
)
from interlock.report.sections.data import ColumnView, columns, flow, quarantine, split_table
from interlock.report.sections.gates import GateView, StepView, css_class, gates, steps
from interlock.report.sections.lineage import lineage
from interlock.report.sections.service import service
from interlock.report.sections.table import Limits, Table


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
    drawn, listed, note = columns(data, limits)
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
        state=css_class(verdict),
        outcome=phrases.outcome(content),
        status=shown(content.status, limit=400),
        facts=tuple(_facts(content)),
        commands=tuple((shown(c.line, limit=300), shown(c.purpose)) for c in content.next_commands),
        steps=steps(content),
        gates=gates(content.gates, limits),
        forest=None if evaluation is None else figures.forest(evaluation),
        candidates=None if evaluation is None else candidates(evaluation, limits),
        failures=() if evaluation is None else failures(evaluation, limits),
        params=() if evaluation is None else params(evaluation, limits),
        test=winner_sentence(evaluation),
        test_figures=winner_figures(evaluation),
        flow=() if data is None else flow(data),
        split=None if data is None else figures.split(data, content.zone),
        split_table=split_table(data),
        quarantine=() if data is None else quarantine(data, limits),
        columns=drawn,
        other_columns=listed,
        columns_note=note,
        service=() if content.service is None else service(content.service, limits),
        service_figure=None if content.service is None else figures.latencies(content.service),
        lineage=lineage(content, limits),
    )


def _facts(content: Content) -> Iterable[tuple[str, str]]:
    yield "release", shown(content.label, limit=40) if content.label else "none made"
    if content.evaluation is not None:
        yield from key_figures(content.evaluation)
