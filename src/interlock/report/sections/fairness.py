"""Fairness: whether groups are answered alike."""

from __future__ import annotations

from collections.abc import Iterable

from interlock.report import phrases
from interlock.report.blocks import Block, Section, Text, section
from interlock.report.content import Evaluation, FairnessJudged
from interlock.report.figures.fairness import groups
from interlock.report.glyphs import VERDICT, severity
from interlock.report.names import shown
from interlock.report.sections.gates import css_class
from interlock.report.sections.table import Limits, left_out


def fairness(evaluation: Evaluation | None, limits: Limits) -> Section | None:
    """Each check's answer, then its groups; what did not pass first."""
    if evaluation is None or not evaluation.fairness:
        return None
    found = sorted(evaluation.fairness, key=lambda one: (severity(one.check), one.check.name))
    blocks = [block for one in found[: limits.figures] for block in _blocks(one)]
    return section("Fairness", *blocks, left_out(len(found), limits.figures, "check"))


def _blocks(one: FairnessJudged) -> Iterable[Block]:
    check = one.check
    between = " and ".join(shown(g, limit=40) for g in check.evidence.get("between", ()))
    said = [shown(check.name, limit=90), between, phrases.comparison(check), *phrases.facts(check)]
    yield Text(
        word=f"{VERDICT[check.verdict]} {phrases.word(check)}",
        state=css_class(check.verdict),
        text=" · ".join(filter(None, said)),
    )
    yield from (figure for figure in map(groups, one.compared) if figure is not None)
