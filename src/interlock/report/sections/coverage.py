"""What the release answers for: segments, their map, and what outlier rules took away."""

from __future__ import annotations

from collections.abc import Iterable

from interlock.report.blocks import Block, Fold, Heading, Section, Text, section
from interlock.report.content import Coverage, OutlierCount, Segmentation
from interlock.report.figures.coverage import SEGMENT_HEAD, covered_map, segment_rows
from interlock.report.names import shown
from interlock.report.numbers import percent
from interlock.report.sections.table import Limits, cut, left_out
from interlock.wording import counted


def coverage(found: Coverage | None, limits: Limits) -> Section | None:
    """None for a release that answers for everything."""
    if found is None:
        return None
    shown_first = found.segmentations[: limits.figures]
    return section(
        "What it answers for",
        Text(text=_share(found)),
        *(block for one in shown_first for block in _segmented(one, limits)),
        left_out(len(found.segmentations), limits.figures, "division"),
        *_outliers(found, limits),
    )


def _share(found: Coverage) -> str:
    if not found.tested:
        return "There were no test rows to tell how many requests it would not answer for."
    n, of = found.not_covered, counted(found.tested, "test row")
    said = f"{n:,} of {of} ({percent(n / found.tested, 2)}) are not covered"
    if not n:
        return f"All of {of} are covered."
    given = "an estimate, marked as not covered" if found.estimates else "the reason"
    kept = "They are left out of what was judged above"
    return f"{said}: the service answers such requests with {given}. {kept}."


def _segmented(found: Segmentation, limits: Limits) -> Iterable[Block]:
    covered = sum(not s.reason for s in found.segments)
    yield Heading(text=f"Segments by {shown(found.name, limit=80)}")
    yield Text(
        text=f"{covered:,} of {counted(len(found.segments), 'segment')} are covered,"
        f" those with {found.asked}."
    )
    figure = covered_map(found)
    thin = [s for s in found.segments if s.reason]
    if figure is not None:
        yield figure
    elif thin:
        rows = [row[:3] for row in segment_rows(thin)]
        table = cut("", SEGMENT_HEAD[:3], rows, limits)
        yield Fold(summary="Segments that are not covered", blocks=(table,))


def _outliers(found: Coverage, limits: Limits) -> Iterable[Block]:
    if not found.outliers:
        return
    yield Heading(text="Outliers")
    head = (
        "rule",
        "what it says",
        "train rows put aside",
        "later rows named",
        "what became of them",
    )
    rows = [
        (
            shown(o.name, limit=60),
            shown(o.told, limit=160),
            f"{o.train:,}",
            f"{o.later:,}",
            _fate(o),
        )
        for o in found.outliers
    ]
    yield cut("", head, rows, limits)


def _fate(found: OutlierCount) -> str:
    if not found.later:
        return ""
    if found.live:
        return "not covered"
    return "left out" if found.left_out else "stay in the test"
