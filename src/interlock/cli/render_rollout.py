"""Rollouts as lines for people: what happens from now on, and what to type next."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from interlock.cli.render import table
from interlock.deploy.challenger import SHADOW, share_text
from interlock.errors import OperatorError
from interlock.evaluate.slices import FEWEST_ROWS, FEWEST_UNITS
from interlock.report.names import shown
from interlock.report.numbers import between, moment, percent, significant
from interlock.report.phrases import rollout_phrase
from interlock.serve.rollout.evidence import Seen
from interlock.serve.shadow.differences import Contrast, ShadowReport, Told, Tolerance
from interlock.store.rows import DeploymentRow
from interlock.wording import counted

if TYPE_CHECKING:
    from interlock.use_cases.rollout import RolloutReport

_HEAD = ("challenger − champion", "rows", "failed", "same answer")
_TOLERANCE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)\s?(%?)")


def started_lines(report: RolloutReport) -> list[str]:
    """Who answers whom from now on."""
    row, champion = report.rollout, report.champion
    place = f"{row.environment}, beside {champion.label}"
    return [f"✔ rollout started: {row.label} in {place}", *_meaning(report), *_next(report)]


def grown_lines(report: RolloutReport) -> list[str]:
    """The larger share."""
    row = report.rollout
    head = f"✔ rollout grown: {row.label} in {row.environment}, {share_text(row.buckets)}"
    return [head, *_meaning(report), *_next(report)]


def shown_lines(report: RolloutReport, *, at: int) -> list[str]:
    """What runs, since when."""
    row = report.rollout
    reason = [f"  reason: {shown(row.reason, limit=200)}"] if row.reason else []
    return [
        f"◐ {rollout_phrase(row, at)}",
        f"  beside {report.champion.label}, since {moment(row.began)}",
        *reason,
        *seen_lines(report.seen),
        *_shadow_lines(report),
        *_against(report),
        *_next(report),
    ]


def seen_lines(found: Seen | None) -> list[str]:
    """How often the challenger failed since the last act, and whether that is too often.

    >>> from interlock.serve.rollout.evidence import Counts
    >>> seen_lines(Seen(counts=Counts(asked=1_200, codes={"S125": 3})))
    ['  3 of 1,200 answers failed (3 × S125)']
    """
    if found is None:
        return []
    counts = f"  {shown(str(found.counts), limit=200)}"
    why = shown(found.set_aside, limit=200)
    return [counts, *([f"  set aside: {why}"] if why else [])]


def tolerance_of(text: str) -> Tolerance:
    """A number, or a share such as '5%'. Raises OperatorError C165.

    >>> tolerance_of("5%"), tolerance_of("1000").relative
    (Tolerance(value=0.05, relative=True), False)
    """
    found = _TOLERANCE.fullmatch(text.strip())
    if found is None:
        raise OperatorError(
            "C165",
            "the tolerance cannot be that",
            expected="a number in the target's unit, or a share of the answer",
            got=repr(text)[:60],
            fix="for example: --tolerance 1000, or --tolerance 5%",
        )
    relative = bool(found[2])
    return Tolerance(value=float(found[1]) / (100 if relative else 1), relative=relative)


def _shadow_lines(report: RolloutReport) -> list[str]:
    """How the answers of the two differ: shares and quantiles; the whole first."""
    found = report.shadow
    if found is None:
        return []
    contrasts = (found.whole, *found.parts)
    numbers = any(contrast.differences is not None for contrast in contrasts)
    head = _head(found.tolerance) if numbers else _HEAD
    rows = [head, *(_contrast_cells(contrast, numbers=numbers) for contrast in contrasts)]
    return [*table(rows), *_remarks(found)]


def _head(tolerance: Tolerance) -> tuple[str, ...]:
    size = f"{tolerance.value * 100:g} %" if tolerance.relative else significant(tolerance.value)
    return (*_HEAD, f"off by > {size}", "higher", "median difference", "5 % to 95 %")


def _remarks(found: ShadowReport) -> Iterator[str]:
    thin = sum(1 for contrast in found.parts if contrast.reason)
    if thin:
        yield f"  too few: under {FEWEST_ROWS} rows, or under {FEWEST_UNITS} units, say nothing"
    for name in found.unlogged:
        yield f"  not compared by {shown(name)}: the log does not hold it"
    for code, n in found.errors.items():
        yield f"  failed with {code}: {n:,}"
    if found.waiting:
        yield f"  {counted(found.waiting, 'row waits', 'rows wait')} to be scored"


def _contrast_cells(found: Contrast, *, numbers: bool) -> tuple[str, ...]:
    counts = (shown(found.named, limit=60), f"{found.rows:,}", f"{found.failed:,}")
    if found.reason:
        return (*counts, found.reason, *([""] * 4 if numbers else []))
    cells = (*counts, _share(found.agreeing))
    told = found.differences
    if told is None:
        return (*cells, *([""] * 4 if numbers else []))
    first, _, median, _, last = told.quantiles
    middle = f"{significant(median.value)} ({between(median.interval.low, median.interval.high)})"
    return (
        *cells,
        _share(told.beyond),
        percent(told.higher.value),
        middle,
        f"{significant(first.value)} to {significant(last.value)}",
    )


def _share(told: Told | None) -> str:
    """A share with its interval, in per cent."""
    if told is None:
        return ""
    ends = between(100 * told.interval.low, 100 * told.interval.high)
    return f"{percent(told.value)} ({ends})"


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
        return [f"  {champion.label} answers; {row.label} answers nobody", *_against(report)]
    return [
        f"  {share_text(row.buckets)} of the units are answered by {row.label}, always the same "
        f"ones, the others by {champion.label}",
        "  where it fails, the champion answers; a delivery or a rollback ends the rollout",
    ]


def _against(report: RolloutReport) -> list[str]:
    why = shown("; ".join(report.against_a_share), limit=400)
    return [f"  it cannot answer a share: {why}"] if why else []


def _next(report: RolloutReport) -> list[str]:
    row = report.rollout
    grows = row.buckets < 10_000 and not report.against_a_share
    larger = "10%" if row.buckets < 1_000 else "50%" if row.buckets < 5_000 else "100%"
    return _commands(
        row.environment,
        *([(f"interlock rollout grow --share {larger}", "")] if grows else []),
        ("interlock rollout promote", f"{row.label} answers everybody"),
        ("interlock rollout stop", f"{row.label} answers nobody"),
    )


def _commands(environment: str, *commands: Sequence[str]) -> list[str]:
    where = "" if environment == "prod" else f" --environment {environment}"
    return [
        f"next: {line}{where}" + (f"  ({purpose})" if purpose else "") for line, purpose in commands
    ]
