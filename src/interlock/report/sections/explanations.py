"""What the winner leans on, and how its prediction moves with an input."""

from __future__ import annotations

from interlock.report.blocks import Section, section, side_by_side
from interlock.report.content import Explanations
from interlock.report.figures.explanations import dependences, histories, importance
from interlock.report.sections.table import Limits, left_out


def explanations(made: Explanations | None, limits: Limits) -> Section | None:
    """Importance of inputs and histories, then the partial dependences."""
    if made is None:
        return None
    figures = (importance(made), histories(made))
    return section(
        "What the winner leans on",
        *side_by_side(*figures),
        *side_by_side(*dependences(made, limits.figures)),
        left_out(len(made.dependences), limits.figures, "input"),
    )
