"""Runs of candidates side by side, and how the best was chosen, as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interlock.cli.render import table
from interlock.evaluate.compare import Estimate
from interlock.report.content import Ranked
from interlock.report.names import shown
from interlock.report.numbers import measure, moment, reach, seconds_text

if TYPE_CHECKING:
    from interlock.use_cases.train import Run, TrainReport


def train_lines(report: TrainReport) -> list[str]:
    """Runs side by side, then who is best."""
    parts = ", ".join(f"{n:,} {part}" for part, n in report.parts.items())
    direction = "lower" if report.lower_is_better else "higher"
    head = ("", "", f"{report.metric} on tune", f"{report.metric} on test", "", "")
    lines = [
        f"{shown(report.product)} · as of {moment(report.as_of)} · {parts} rows",
        *table([head, *(_run_cells(run, report) for run in report.runs)]),
    ]
    for run in report.runs:
        lines.extend(f"  {shown(run.candidate.name)}: {shown(note)}" for note in run.notes)
    if report.winner is None:
        return [*lines, "✖ failed: no candidate could be ranked"]
    if len(report.ranking) > 1:
        lines += ["ranking", *_ranking(report)]
    best = next((r.name for r in report.ranking), report.winner)
    if best != report.winner:
        why = next(r.because for r in report.ranking if r.chosen)
        return [*lines, f"✔ {shown(report.winner)} is chosen: {shown(why)}; nothing was delivered"]
    text = f"{shown(report.winner)} is best on the tune rows"
    return [*lines, f"✔ {text} ({direction} is better); nothing was delivered"]


def _ranking(report: TrainReport) -> list[str]:
    head = ("", f"{report.metric} on tune", "behind the best", "cost to serve", "")
    return table([head, *(_ranked_cells(ranked, report) for ranked in report.ranking)])


def _ranked_cells(ranked: Ranked, report: TrainReport) -> tuple[str, ...]:
    unit = report.unit
    return (
        shown(ranked.name, limit=40),
        measure(ranked.value, unit),
        _estimate(ranked.difference, unit),
        ranked.cost,
        ("chosen: " if ranked.chosen else "") + shown(ranked.because, limit=200),
    )


def _run_cells(run: Run, report: TrainReport) -> tuple[str, ...]:
    candidate, unit = run.candidate, report.unit
    chosen = "chosen" if candidate.name == report.winner else ""
    return (
        shown(candidate.name, limit=40),
        candidate.kind.value,
        measure(run.tune, unit) if run.tune is not None else "",
        _estimate(candidate.metrics.get(report.metric), unit),
        seconds_text(candidate.seconds),
        f"failed: {shown(candidate.failure, limit=200)}" if candidate.failure else chosen,
    )


def _estimate(found: Estimate | None, unit: str) -> str:
    if found is None:
        return ""
    if found.interval is None:
        return measure(found.value, unit)
    return f"{measure(found.value, unit)} ({reach(found.interval.low, found.interval.high, unit)})"
