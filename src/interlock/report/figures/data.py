"""The data: the parts of the split along time."""

from __future__ import annotations

from interlock.report.blocks import Figure
from interlock.report.charts.timeline import timeline
from interlock.report.content import Data
from interlock.report.names import shown
from interlock.report.numbers import moment


def split(data: Data, zone: str) -> Figure | None:
    """The parts of the split along time."""
    dated = [p for p in data.splits if p.start is not None and p.end is not None]
    if not dated:
        return None
    title = "Split of the usable rows"
    return Figure(
        title=title,
        drawing=timeline(title, data.splits, zone=zone),
        head=("part", "rows", "from", "to"),
        rows=tuple(
            (
                shown(part.name),
                f"{part.rows:,}",
                "" if part.start is None else moment(part.start, zone=zone),
                "" if part.end is None else moment(part.end, zone=zone),
            )
            for part in data.splits
        ),
        note="Gaps are rows left out because their outcomes were not yet known.",
    )
