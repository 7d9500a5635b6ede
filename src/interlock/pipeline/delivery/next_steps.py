"""What to type next, once a delivery has ended: commands that can be copied as they stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

from interlock.clock import MINUTE, format_instant, to_datetime
from interlock.deploy.excuse import unwaivable
from interlock.errors import BlockedError, InterlockError
from interlock.pipeline.delivery.goal import Goal
from interlock.report import content as report
from interlock.store.rows import DeliveryRow, DeploymentRow
from interlock.verdict import GateResult
from interlock.wording import as_typed

RESUME = "interlock deliver --resume"
_WHEN = 10 * MINUTE  # a moment further before the start than that was asked for


def after_error(
    error: InterlockError, goal: Goal, row: DeliveryRow, *, gate: GateResult | None, zone: str
) -> tuple[report.Command, ...]:
    """What a delivery that did not get there leaves to do; ``gate`` is the one that stayed shut.

    One that is resumed knows itself what it was begun for.
    """
    explain = report.Command(line=f"interlock explain {error.code}", purpose="what is asked for")
    if not isinstance(error, BlockedError):
        return (explain, report.Command(line=RESUME, purpose="after mending it"))
    command = goal.command + as_of_flag(row, zone)
    if error.code == "E103":
        return (explain, report.Command(line=f"{command} --unpin", purpose="to end the pin"))
    again = report.Command(line=command, purpose="after mending it")
    if gate is None or unwaivable(gate, goal.waivable):
        return (explain, again)
    waive = as_typed("interlock", "waive", gate.gate, "--delivery", row.number)
    return (
        explain,
        again,
        report.Command(
            line=f"{waive} --expires 7d --reason 'why it may pass'",
            purpose="or let it pass, on record",
        ),
        report.Command(line=RESUME, purpose="after the waiver"),
    )


def of_product(commands: tuple[report.Command, ...], product: str) -> tuple[report.Command, ...]:
    """The commands with the product that they are meant for; as they are where it is ""."""
    if not product:
        return commands
    return tuple(
        c if c.line.startswith("interlock explain") else replace(c, line=f"{c.line} {flag}")
        for flag in (as_typed("--product", product),)
        for c in commands
    )


def as_of_flag(row: DeliveryRow, zone: str) -> str:
    """' --as-of …' of a delivery for a moment gone by; nothing for one of the present."""
    if row.started - row.as_of < _WHEN:
        return ""
    there = to_datetime(row.as_of, zone=zone)
    day = there.time() == time(0)
    when = there.date().isoformat() if day else format_instant(row.as_of)
    return f" --as-of {when}"


def after_success(
    goal: Goal, *, label: str | None, live: DeploymentRow | None, divided: bool
) -> tuple[report.Command, ...]:
    """What can be done with a release; ``live`` is what ran before it.

    ``divided``: the product has a unit, without which traffic cannot be divided.
    """
    if goal.hold and label is not None and live is not None:
        begin = f"interlock rollout start {label} --environment {goal.last.name}"
        begin += " --unpin" * goal.unpin
        shadow = report.Command(
            line=f"{begin} --shadow", purpose="score what is asked, answer nobody"
        )
        share = report.Command(line=f"{begin} --share 10%", purpose="answer a tenth of the units")
        return (shadow, share) if divided else (shadow,)
    there = goal.there
    show = f"interlock show {label}" if there and label is not None else "interlock show"
    inspect = report.Command(line=show, purpose="what the release is made of")
    if goal.hold and live is None:  # there is nothing to serve, and nothing to stand beside
        again = replace(goal, hold=False).command
        return (report.Command(line=again, purpose="make it live"), inspect)
    found = [
        report.Command(line=f"interlock serve{there}", purpose="answer requests with what is live"),
        inspect,
    ]
    if live is not None and label != live.label:
        found.append(
            report.Command(
                line=f"interlock rollback{there}", purpose="return to the release before"
            )
        )
    return tuple(found)
