"""The feature catalogue and the findings on symmetry, as lines for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from interlock.cli.render import table
from interlock.report.names import shown
from interlock.report.numbers import moment, percent, span_text
from interlock.wording import counted

if TYPE_CHECKING:
    from interlock.pipeline.symmetry import Staleness
    from interlock.use_cases.features import CatalogueRow, FeaturesReport
    from interlock.use_cases.symmetry import SymmetryReport


def features_lines(report: FeaturesReport) -> list[str]:
    """One line a feature; the most important first within each kind."""
    head = ("feature", "kind", "type", "unit", "from", "window", "missing", "fresh", "importance")
    rows = [head, *(_feature_cells(row) for row in report.features)]
    champion = f" · {report.champion}" if report.champion else ""
    lines = [f"features of {shown(report.product)}{champion}", *table(rows)]
    if not report.champion:
        lines.append(
            f"  nothing is live in {report.environment}: what is missing, fresh and important is "
            "not known"
        )
    return lines


def _feature_cells(row: CatalogueRow) -> tuple[str, ...]:
    missing = "" if row.missing is None else percent(row.missing)
    importance = _importance(row)
    used = row.source if row.used else f"{row.source} (not a model input)"
    fresh = "" if row.as_of is None else moment(row.as_of)
    owner = f" ({shown(row.owner)})" if row.owner else ""
    return (
        shown(row.name) + owner,
        row.kind,
        row.type,
        shown(row.unit),
        shown(used),
        row.window,
        missing,
        fresh,
        importance,
    )


def _importance(row: CatalogueRow) -> str:
    """'0.136 (0.128 to 0.147)'; releases of before have no interval."""
    if row.importance is None:
        return ""
    if row.importance_low is None or row.importance_high is None:
        return f"{row.importance:.3g}"
    return f"{row.importance:.3g} ({row.importance_low:.3g} to {row.importance_high:.3g})"


def symmetry_lines(report: SymmetryReport) -> list[str]:
    """How much was compared, every kind of defect with an example, staleness apart."""
    found = report.findings
    lines = [
        f"{shown(report.product)} in {report.environment} · "
        f"{counted(report.logged, 'answer')} in the log, "
        f"{found.rows:,} compared, {counted(found.values, 'value')}"
    ]
    if found.not_covered:
        lines.append(f"  {found.not_covered:,} of these not covered, as the release itself says")
    lines += [f"  left out: {n:,} {shown(reason)}" for reason, n in found.left_out.items()]
    behind = [s for s in found.stale if s.late > 0]
    ahead = [s for s in found.stale if s.late < 0]
    lines += _other_grid("! staleness", "behind", behind)
    lines += _other_grid("! foresight", "ahead of", ahead)
    for cause in dict.fromkeys(d.cause for d in found.defects):
        alike = [d for d in found.defects if d.cause == cause]
        first = alike[0]
        lines.append(f"✖ defect: {counted(len(alike), 'value')}: {shown(cause)}")
        lines.append(
            f"    for example {shown(first.feature)}: logged {shown(first.logged)}, "
            f"recomputed {shown(first.expected)} ({first.id})"
        )
    if found.defects:
        return [*lines, "✖ failed: what was answered is not what training would compute"]
    if not found.rows:
        more = "; --share 1 looks at all of them" if report.logged else ""
        return [*lines, f"? inconclusive: nothing was compared{more}"]
    return [*lines, "✔ no defect on the rows compared"]


def _other_grid(head: str, side: str, found: Sequence[Staleness]) -> list[str]:
    """Look-ups that were answered from another grid point than theirs; none gives no line."""
    if not found:
        return []
    most = span_text(max(abs(s.late) for s in found))
    differ = sum(s.values_differ for s in found)
    return [
        f"{head}: {counted(len(found), 'look-up')} {side} their grid point, at most by {most}; "
        f"{differ:,} would have given other values"
    ]
