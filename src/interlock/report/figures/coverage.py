"""Segments on their map."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.report.blocks import Figure
from interlock.report.charts.map import segment_map
from interlock.report.content import Segment, Segmentation
from interlock.report.names import shown

_MOST = 600  # drawn, those with the most rows first
_LISTED = 40


def covered_map(found: Segmentation) -> Figure | None:
    """Where the release answers; None where nothing says where the segments are."""
    placed = [s for s in found.segments if s.x is not None and s.y is not None]
    if len(placed) < 2:
        return None
    drawn = sorted(placed, key=lambda s: (-(s.learned + s.tested), s.name))[:_MOST]
    title = f"Map of the segments by {shown(found.name, limit=60)}"
    note = "Each lies where its rows are on average."
    if len(drawn) < len(placed):
        note += f" {len(placed) - len(drawn):,} smaller ones are not drawn."
    return Figure(
        title=title,
        drawing=segment_map(title, drawn, across=found.across, up=found.up),
        head=SEGMENT_HEAD,
        rows=segment_rows(drawn)[:_LISTED],
        note=note,
    )


SEGMENT_HEAD = ("segment", "rows of training", "rows of test", "covered")


def segment_rows(segments: Sequence[Segment]) -> tuple[tuple[str, ...], ...]:
    """Those that are not covered first, by the test rows that they concern."""
    ranked = sorted(segments, key=lambda s: (not s.reason, -s.tested, -s.learned, s.name))
    return tuple(
        (
            shown(s.name, limit=80),
            f"{s.learned:,}",
            f"{s.tested:,}",
            "no" if s.reason else "yes",
        )
        for s in ranked
    )
