"""From a report's content to what its template shows: texts in order, within a size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from interlock.errors import Mistake
from interlock.report import phrases
from interlock.report.blocks import Section, trimmed
from interlock.report.content import Content
from interlock.report.names import shown
from interlock.report.sections.behaviour import behaviour
from interlock.report.sections.candidates import candidates, key_figures
from interlock.report.sections.coverage import coverage
from interlock.report.sections.data import data
from interlock.report.sections.explanations import explanations
from interlock.report.sections.fairness import fairness
from interlock.report.sections.gates import GateView, StepView, css_class, gates, steps
from interlock.report.sections.inputs import inputs
from interlock.report.sections.lineage import lineage
from interlock.report.sections.service import service
from interlock.report.sections.slices import slices
from interlock.report.sections.table import Limits
from interlock.report.sections.winner import winner
from interlock.verdict import Verdict

_MOST_TOLD = 20  # mistakes
_MOST_BESIDE = 6  # steps in one row; a bundle's short name and a detail fit under each


@dataclass(frozen=True, kw_only=True)
class Page:
    """Everything the template shows: the head, the gates, and the sections after them."""

    title: str
    header: str
    state: str
    outcome: str
    status: str
    mistakes: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]
    commands: tuple[tuple[str, str], ...]
    steps: tuple[StepView, ...]
    gates: tuple[GateView, ...]
    sections: tuple[Section, ...]

    @property
    def across(self) -> int:
        """How many steps stand beside each other: all, or half of them in each of two rows."""
        n = len(self.steps)
        return n if n <= _MOST_BESIDE else max(_MOST_BESIDE // 2, -(-n // 2))


def page(content: Content, limits: Limits) -> Page:
    """The page of one delivery."""
    passed = content.verdict is Verdict.PASSED
    return Page(
        title=f"{shown(content.product)} delivery {content.number}",
        header=phrases.about_phrase(content),
        state="waived" if passed and content.waivers else css_class(content.verdict),
        outcome=phrases.outcome(content),
        status=shown(content.status, limit=400),
        mistakes=(*_mistakes(content), *map(_undrawn, content.undrawn[:_MOST_TOLD])),
        facts=tuple(_facts(content)),
        commands=tuple((shown(c.line, limit=300), shown(c.purpose)) for c in content.next_commands),
        steps=steps(content),
        gates=gates(content.gates, limits, content.waivers),
        sections=tuple(
            trimmed(found, limits.figure_rows)
            for found in _sections(content, limits)
            if found is not None
        ),
    )


def _sections(content: Content, limits: Limits) -> Iterable[Section | None]:
    yield candidates(content.evaluation, limits)
    yield winner(content.evaluation)
    yield slices(content.evaluation, limits)
    yield fairness(content.evaluation, limits)
    yield behaviour(content.evaluation, limits)
    yield explanations(content.explanations, limits)
    yield data(content.data, limits, content.zone)
    yield coverage(content.data.coverage if content.data else None, limits)
    yield inputs(content.data, limits)
    yield service(content.service, limits)
    yield lineage(content, limits)


def _mistakes(content: Content) -> Iterable[tuple[str, str]]:
    """What kept the delivery from its goal; a shut gate speaks for itself."""
    return () if content.shut else map(_mistake, content.mistakes[:_MOST_TOLD])


def _undrawn(said: str) -> tuple[str, str]:
    """A part that this page lacks, and why."""
    return phrases.UNDRAWN, f"not shown here: {shown(said, limit=300)}"


def _mistake(found: Mistake) -> tuple[str, str]:
    """Its code, and what was wrong."""
    got = f"got {found.got}" if found.got else ""
    said = " · ".join(filter(None, [found.what, got, found.fix]))
    return shown(found.code, limit=20), shown(said, limit=400)


def _facts(content: Content) -> Iterable[tuple[str, str]]:
    yield "release", shown(content.label, limit=40) if content.label else "none made"
    if content.champion is not None:
        yield f"{shown(content.environment, limit=40)} before", phrases.before_phrase(content)
    if content.evaluation is not None:
        yield from key_figures(content.evaluation)
