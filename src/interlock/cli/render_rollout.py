"""Rollouts as lines for people: what happens from now on, and what to type next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from interlock.cli.render import table
from interlock.deploy.challenger import SHADOW, share_text
from interlock.report.names import shown
from interlock.report.numbers import moment, significant
from interlock.report.phrases import rollout_phrase
from interlock.store.rows import DeploymentRow, RolloutRow

if TYPE_CHECKING:
    from interlock.serve.shadowed import Contrast
    from interlock.use_cases.rollout import RolloutReport

_QUANTILES = ("5 %", "25 %", "median", "75 %", "95 %")


def started_lines(report: RolloutReport) -> list[str]:
    """Who answers whom from now on."""
    row, champion = report.rollout, report.champion
    place = f"{row.environment}, beside {champion.label}"
    return [f"✔ rollout started: {row.label} in {place}", *_meaning(report), *_next(row)]


def grown_lines(report: RolloutReport) -> list[str]:
    """The larger share."""
    row = report.rollout
    head = f"✔ rollout grown: {row.label} in {row.environment}, {share_text(row.buckets)}"
    return [head, *_meaning(report), *_next(row)]


def shown_lines(report: RolloutReport, *, at: int) -> list[str]:
    """What runs, since when."""
    row = report.rollout
    reason = [f"  reason: {shown(row.reason, limit=200)}"] if row.reason else []
    return [
        f"◐ {rollout_phrase(row, at)}",
        f"  beside {report.champion.label}, since {moment(row.began)}",
        *reason,
        *_shadow_lines(report),
        *_next(row),
    ]


def _shadow_lines(report: RolloutReport) -> list[str]:
    """How the answers of the two differ, in quantiles; the whole first."""
    found = report.shadow
    if found is None:
        return []
    head = ("challenger − champion", "rows", "same", "failed", *_QUANTILES)
    rows = [head, *(_contrast_cells(c) for c in (found.whole, *found.groups))]
    failed = [f"  failed with {code}: {n:,}" for code, n in found.errors.items()]
    waiting = [f"  {found.waiting:,} rows wait to be scored"] if found.waiting else []
    return [*table(rows), *failed, *waiting]


def _contrast_cells(found: Contrast) -> tuple[str, ...]:
    spread = ("",) * len(_QUANTILES)
    if found.differences is not None:
        spread = tuple(significant(value) for value in found.differences)
    counts = (f"{found.rows:,}", f"{found.same:,}", f"{found.failed:,}")
    return (shown(found.name, limit=60), *counts, *spread)


def promoted_lines(row: DeploymentRow) -> list[str]:
    """What is live now."""
    return [
        f"✔ promoted: {row.environment} runs {row.label}, {row.previous_label} no longer; "
        "the rollout has ended",
        *_commands(row.environment, ("interlock rollback", "return to the release before")),
    ]


def stopped_lines(report: RolloutReport) -> list[str]:
    """Who answers everybody."""
    row, champion = report.rollout, report.champion
    return [
        f"✔ rollout stopped: {champion.label} answers everybody in {row.environment}, "
        f"{row.label} nobody"
    ]


def _meaning(report: RolloutReport) -> list[str]:
    row, champion = report.rollout, report.champion
    if row.mode == SHADOW:
        return [f"  {champion.label} answers; {row.label} answers nobody"]
    return [
        f"  {share_text(row.buckets)} of the units are answered by {row.label}, always the same "
        f"ones, the others by {champion.label}",
        "  where it fails, the champion answers; a delivery or a rollback ends the rollout",
    ]


def _next(row: RolloutRow) -> list[str]:
    larger = "10%" if row.buckets < 1_000 else "50%" if row.buckets < 5_000 else "100%"
    return _commands(
        row.environment,
        *([] if row.buckets >= 10_000 else [(f"interlock rollout grow --share {larger}", "")]),
        ("interlock rollout promote", f"{row.label} answers everybody"),
        ("interlock rollout stop", f"{row.label} answers nobody"),
    )


def _commands(environment: str, *commands: Sequence[str]) -> list[str]:
    where = "" if environment == "prod" else f" --environment {environment}"
    return [
        f"next: {line}{where}" + (f"  ({purpose})" if purpose else "") for line, purpose in commands
    ]
