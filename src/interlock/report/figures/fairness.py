"""Groups that a fairness check compared, by one measure each."""

from __future__ import annotations

from interlock.report.blocks import Figure
from interlock.report.charts.intervals import Row, both
from interlock.report.content import GroupsCompared, GroupValue
from interlock.report.measured import estimate_cells
from interlock.report.names import shown
from interlock.wording import counted

_MOST = 24


def groups(made: GroupsCompared) -> Figure | None:
    """The groups that could be judged, the highest first."""
    known = [group for group in made.groups if group.value is not None]
    if not known:
        return None
    ranked = sorted(known, key=lambda g: (-g.value.value if g.value else 0.0, g.label))
    title = f"{shown(made.measure, limit=60)} by group"
    wide, narrow = both(
        title,
        [_row(group, made.unit) for group in ranked[:_MOST]],
        axis=made.unit if made.unit not in ("", "1", "%") else "",
        percent=made.unit == "%",
    )
    left = len(made.groups) - len(known)
    note = "The values rest on the rows that the measure is about."
    if left:
        note += f" {counted(left, 'group')} could not be judged: see the numbers."
    return Figure(
        title=title,
        drawing=wide,
        narrow=narrow,
        head=("group", shown(made.measure, limit=60), "95 % interval", "rest on", "rows"),
        rows=tuple(_cells(group, made.unit) for group in made.groups),
        note=note,
    )


def _row(group: GroupValue, unit: str) -> Row:
    value, _, n = estimate_cells(group.value, unit)
    return Row(name=shown(group.label, limit=60), text=f"{value} · n {n}", estimate=group.value)


def _cells(group: GroupValue, unit: str) -> tuple[str, ...]:
    value, ends, n = estimate_cells(group.value, unit)
    if group.value is None:
        value = f"not judged: {shown(group.reason, limit=60)}"
    return shown(group.label, limit=60), value, ends, n, f"{group.n:,}"
