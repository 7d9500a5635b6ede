"""The slices that checks looked at: for whom the winner is worse than allowed."""

from __future__ import annotations

from collections.abc import Iterable

from interlock.report.blocks import Block, Section, Text, section
from interlock.report.content import Evaluation, SlicesJudged
from interlock.report.figures.slices import judged_slices
from interlock.report.glyphs import VERDICT
from interlock.report.names import shown
from interlock.report.sections.table import Limits, left_out
from interlock.verdict import Verdict


def slices(evaluation: Evaluation | None, limits: Limits) -> Section | None:
    """One figure a check, what did not pass first."""
    if evaluation is None or not evaluation.slices:
        return None
    order = tuple(Verdict)
    found = sorted(evaluation.slices, key=lambda s: (-order.index(s.verdict), s.name))
    blocks = [block for one in found[: limits.figures] for block in _blocks(one)]
    return section("Slices", *blocks, left_out(len(found), limits.figures, "check"))


def _blocks(one: SlicesJudged) -> Iterable[Block]:
    figure = judged_slices(one)
    if figure is not None:
        yield figure
        return
    said = f"{shown(one.name, limit=160)}: {shown(one.reason or 'no slice could be judged')}"
    yield Text(word=f"{VERDICT[one.verdict]} {one.verdict.value}", state="inconclusive", text=said)
