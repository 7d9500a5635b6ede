"""What runs where, and what ran before, as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interlock.cli.render import GLYPHS, table
from interlock.cli.render_rollout import seen_lines
from interlock.deploy.challenger import STOP, described
from interlock.report.names import shown
from interlock.report.numbers import (
    moment,
    span_text,
)
from interlock.report.phrases import gate_name, rollout_phrase
from interlock.store.rows import DeliveryRow, DeploymentRow, RolloutRow

if TYPE_CHECKING:
    from interlock.use_cases.history import HistoryReport
    from interlock.use_cases.status import EnvironmentStatus, ProductStatus, StatusReport

_RESUME = "interlock deliver --resume"


def status_lines(report: StatusReport, *, at: int) -> list[str]:
    """Each product: one line an environment, one for the last delivery."""
    lines: list[str] = []
    for product in report.products:
        lines.append(shown(product.product))
        lines.extend(table([_environment_cells(e, at) for e in product.environments]))
        for e in product.environments:
            if e.rollout is not None:
                lines.append(f"  ◐ {rollout_phrase(e.rollout, at)}")
                lines.extend(f"  {line}" for line in seen_lines(e.seen))
            lines.extend(f"  ! {line}" for line in _doubt_lines(e))
        last = product.last_delivery
        lines.append(
            f"  last: {_delivery_text(last)}"
            if last
            else "  last: no delivery yet (interlock deliver)"
        )
        lines.extend(_waived_lines(product))
    return lines


def _environment_cells(status: EnvironmentStatus, at: int) -> tuple[str, ...]:
    live = status.live
    if live is None:
        return "– " + status.environment, "runs nothing yet", "", ""
    pinned = "pinned by a rollback" if live.pinned else ""
    before = f"before: {live.previous_label}" if live.previous_label else ""
    waived = ", ".join(gate_name(waiver["gate"]) for waiver in status.waivers)
    return (
        "✔ " + status.environment,
        f"runs {live.label}",
        f"live {span_text(max(0, at - live.since))}, since {moment(live.since)}",
        ", ".join(filter(None, [before, pinned, f"waived: {waived}" if waived else ""])),
    )


def _doubt_lines(status: EnvironmentStatus) -> list[str]:
    """Why what is told of the environment cannot be believed."""
    return [
        f"{status.environment}: error[{doubt.code}]: {doubt.what}: {shown(doubt.got, limit=200)} "
        "(interlock verify)"
        for doubt in status.doubts
    ]


def _waived_lines(product: ProductStatus) -> list[str]:
    """That the newest delivery may go on past the gate that stopped it."""
    last = product.last_delivery
    if not product.waived or last is None or last.status != "blocked":
        return []
    names = ", ".join(map(gate_name, product.waived))
    return [f"  ! delivery {last.number}: {names} waived ({_RESUME})"]


def _delivery_text(row: DeliveryRow) -> str:
    sentence = row.summary.get("sentence", "")
    said = f": {shown(sentence, limit=200)}" if sentence else ""
    if row.status == "running":
        said = ""  # what is told of it is from before it was resumed
    if row.status == "interrupted":
        said += f" ({_RESUME})"
    return f"{GLYPHS.get(row.status, '?')} delivery {row.number} {row.status}{said}"


def history_lines(report: HistoryReport) -> list[str]:
    """Deliveries, what was made live where, what was tried beside it."""
    lines = [f"deliveries of {shown(report.product)}"]
    lines += table([_delivery_cells(row) for row in report.deliveries]) or ["  none yet"]
    lines += [
        f"  ! delivery {row.number} was interrupted ({_RESUME})"
        for row in report.deliveries[:1]
        if row.status == "interrupted"
    ]
    lines.append("deployments")
    lines += table([_deployment_cells(row) for row in report.deployments]) or ["  none yet"]
    if report.rollouts:
        lines.append("rollouts")
        lines += table([_rollout_cells(row) for row in report.rollouts])
    if report.erased:
        lines.append("erasures")
        lines += table([(label, "; ".join(said)) for label, said in report.erased.items()])
    return lines


def _delivery_cells(row: DeliveryRow) -> tuple[str, ...]:
    return (
        f"{row.number}",
        moment(row.started),
        f"as of {moment(row.as_of)}",
        f"{GLYPHS.get(row.status, '?')} {row.status}",
        shown(row.summary.get("label") or "", limit=40),
        shown(row.summary.get("sentence") or "", limit=200),
    )


def _deployment_cells(row: DeploymentRow) -> tuple[str, ...]:
    return (
        f"{row.environment} {row.generation}",
        moment(row.since),
        row.act,
        row.label,
        f"before: {row.previous_label}" if row.previous_label else "",
        shown(row.reason, limit=120),
    )


def _rollout_cells(row: RolloutRow) -> tuple[str, ...]:
    return (
        f"{row.environment} {row.generation}.{row.revision}",
        moment(row.at),
        row.act,
        row.label,
        "" if row.act == STOP else described(row),
        shown(row.reason, limit=120),
    )
