"""What a use case gave back, as lines for people or as plain JSON values.

Invariants: a glyph always comes with its word; names from outside are made safe; in JSON an instant
is a text in ISO 8601, UTC, and a number that is none is null.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interlock.clock import format_instant
from interlock.release.waiver import Waiver
from interlock.report.content import Command
from interlock.report.names import shown
from interlock.report.numbers import (
    counted,
    moment,
    span_text,
)
from interlock.report.phrases import UNDRAWN, gate_name, packaging, rollout_phrase, waiver_phrase
from interlock.store.rows import DeliveryRow, DeploymentRow

if TYPE_CHECKING:
    from interlock.pipeline.ending import Delivered
    from interlock.serve.batch import BatchResult
    from interlock.use_cases.check import CheckReport
    from interlock.use_cases.exported import Serving, VerifyReport
    from interlock.use_cases.history import HistoryReport
    from interlock.use_cases.refresh import RefreshReport
    from interlock.use_cases.show import ShowReport
    from interlock.use_cases.status import EnvironmentStatus, ProductStatus, StatusReport

_INSTANTS = frozenset(
    {"as_of", "at", "since", "started", "finished", "created", "expires", "began"}
)
_GLYPHS = {
    "delivered": "✔",
    "held": "✔",
    "unchanged": "=",
    "blocked": "✖",
    "failed": "!",
    "running": "…",
}
_SHORT = 12  # characters of a digest


def plain(value: Any) -> Any:
    """A report as JSON values.

    >>> plain({"share": float("nan"), "where": Path("data")})
    {'share': None, 'where': 'data'}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _field(f.name, getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _field(name: str, value: Any) -> Any:
    if name in _INSTANTS and isinstance(value, int):
        return format_instant(value)
    return plain(value)


def table(rows: Sequence[Sequence[str]], *, indent: str = "  ") -> list[str]:
    """Columns side by side, each as wide as its widest cell.

    >>> table([("a", "1"), ("long", "2")])
    ['  a     1', '  long  2']
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return [
        indent + "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def check_lines(report: CheckReport) -> list[str]:
    """One line a product, then what to know of it."""
    lines = []
    for name in report.products:
        lines.append(f"✔ {shown(name)}: the declaration holds together")
        lines += [f"    note: {shown(note, limit=300)}" for note in report.notes.get(name, ())]
    return lines


# deliver


def delivered_lines(done: Delivered) -> list[str]:
    """Report, what it lacks, what to type next; the verdict comes last.

    That an error can be explained is its hint's to say.
    """
    content = done.content
    commands = [c for c in content.next_commands if not c.line.startswith("interlock explain ")]
    there = [f"report: {done.report_path}"] if done.report_path else []
    return [
        *there,
        *(f"! report [{UNDRAWN}]: without {shown(said, limit=300)}" for said in done.undrawn),
        *_next_lines(commands),
        f"{_GLYPHS.get(done.row.status, '?')} {done.row.status}: "
        f"{shown(content.status, limit=400)}",
    ]


def _next_lines(commands: Iterable[Command]) -> list[str]:
    return [f"next: {c.line}" + (f"  ({c.purpose})" if c.purpose else "") for c in commands]


def delivered_row(done: Delivered) -> dict[str, Any]:
    """The delivery with its steps, gates and mistakes."""
    content = done.content
    return {
        "exit_code": int(done.exit_code),
        "delivery": plain(done.row),
        "label": content.label,
        "digest": content.digest,
        "environment": content.environment,
        "sentence": content.status,
        "steps": plain(content.steps),
        "gates": [plain(gate.to_row()) for gate in content.gates],
        "waivers": plain(content.waivers),
        "report": str(done.report_path) if done.report_path else None,
        "undrawn": list(done.undrawn),
        "folder": str(done.folder),
        "mistakes": plain(done.mistakes),
    }


# status and history


def status_lines(report: StatusReport, *, at: int) -> list[str]:
    """Each product: one line an environment, one for the last delivery."""
    lines: list[str] = []
    for product in report.products:
        lines.append(shown(product.product))
        lines.extend(table([_environment_cells(e, at) for e in product.environments]))
        lines.extend(
            f"  ◐ {rollout_phrase(e.rollout, at)}" for e in product.environments if e.rollout
        )
        last = product.last_delivery
        lines.append(f"  last: {_delivery_text(last)}" if last else "  last: no delivery yet")
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


def _waived_lines(product: ProductStatus) -> list[str]:
    """That the newest delivery may go on past the gate that stopped it."""
    last = product.last_delivery
    if not product.waived or last is None or last.status != "blocked":
        return []
    names = ", ".join(map(gate_name, product.waived))
    return [f"  ! delivery {last.number}: {names} waived (interlock deliver --resume)"]


def _delivery_text(row: DeliveryRow) -> str:
    sentence = row.summary.get("sentence", "")
    said = f": {shown(sentence, limit=200)}" if sentence else ""
    if row.status == "running":
        said = ": it runs, or was interrupted (interlock deliver --resume)"
    return f"{_GLYPHS.get(row.status, '?')} delivery {row.number} {row.status}{said}"


def history_lines(report: HistoryReport) -> list[str]:
    """Deliveries, then what was made live where."""
    lines = [f"deliveries of {shown(report.product)}"]
    lines += table([_delivery_cells(row) for row in report.deliveries]) or ["  none yet"]
    lines.append("deployments")
    lines += table([_deployment_cells(row) for row in report.deployments]) or ["  none yet"]
    if report.erased:
        lines.append("erasures")
        lines += table([(label, "; ".join(said)) for label, said in report.erased.items()])
    return lines


def _delivery_cells(row: DeliveryRow) -> tuple[str, ...]:
    return (
        f"{row.number}",
        moment(row.started),
        f"as of {moment(row.as_of)}",
        f"{_GLYPHS.get(row.status, '?')} {row.status}",
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


# show


def show_lines(report: ShowReport) -> list[str]:
    """What it is, what it takes, what it was made from, who vouches for it."""
    release = report.release
    live = ", ".join(report.live_in) or "nowhere"
    return [
        f"{shown(release.product)} {release.label} · live in {live}",
        f"digest {release.bundle}",
        *erased_lines(report.erased),
        *waiver_lines(report.waivers),
        "model",
        *table([(name, shown(value)) for name, value in _facts(report.candidate)]),
        "request",
        *table([_field_cells(f) for f in report.request.get("fields", ())]),
        *_answers_for(report.answers_for),
        "made from",
        *table([(name, shown(value)) for name, value in report.inputs.items()]),
        "files",
        *table([(name, f"{size:,} bytes") for name, size in report.files.items()]),
        "attestations",
        *table([_attestation_cells(a.predicate_type, a.signer) for a in report.attestations]),
        f"✔ verified: {counted(len(report.files) + 1, 'file')}, "
        f"{counted(len(report.attestations), 'attestation')}",
    ]


def erased_lines(sentences: Sequence[str]) -> list[str]:
    """A line an erasure; nothing where there was none."""
    return [f"! {shown(sentence, limit=200)}" for sentence in sentences]


def _answers_for(sentences: Sequence[str]) -> list[str]:
    """A line a limit, under a title; nothing for a release that answers for everything."""
    return ["answers for", *(f"  {shown(line, limit=160)}" for line in sentences)] * bool(sentences)


def waiver_lines(waivers: Sequence[Waiver]) -> list[str]:
    """A line a waiver, under a title; nothing where there are none."""
    if not waivers:
        return []
    return ["waivers", *(f"  ! {gate_name(w.gate)}: {waiver_phrase(w)}" for w in waivers)]


def _facts(candidate: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [
        (name, _fact(name, value))
        for name, value in candidate.items()
        if isinstance(value, str | int | float) and value != ""
    ]


def _fact(name: str, value: str | float) -> str | float:
    if isinstance(value, str):
        return packaging(value) if name == "format" else value
    return moment(int(value)) if name.endswith("_until") else value


def _field_cells(field: Mapping[str, Any]) -> tuple[str, ...]:
    signs = (("≥", "ge"), (">", "gt"), ("≤", "le"), ("<", "lt"))
    bounds = [f"{sign} {field[name]:g}" for sign, name in signs if field.get(name) is not None]
    closed = " | ".join(field.get("categories") or ())
    notes = ["prediction time" if field.get("asked_at") else "", *bounds, field.get("unit") or ""]
    return (
        shown(field["name"], limit=60),
        field["kind"] + (" or null" if field.get("optional") else ""),
        shown(closed or ", ".join(filter(None, notes)), limit=200),
    )


def _attestation_cells(predicate_type: str, signer: str) -> tuple[str, str]:
    return predicate_type, f"signed by {signer[:_SHORT]}"


# the rest


def rollback_lines(row: DeploymentRow) -> list[str]:
    """What is live now, and how to let deliveries replace it again."""
    before = f", {row.previous_label} no longer" if row.previous_label else ""
    return [
        f"✔ rolled back: {row.environment} runs {row.label}{before}; it is pinned",
        "next: interlock deliver --unpin  (once the fault is mended)",
    ]


def ready_lines(serving: Serving) -> list[str]:
    """The line that says where requests are answered."""
    label = f" {serving.label}" if serving.label else ""
    replay = ", replaying the past" if serving.replay else ""
    return [
        f"ready {serving.url} · {shown(serving.product)}{label} in {serving.environment}{replay}"
    ]


def predict_lines(result: BatchResult) -> list[str]:
    """How many rows were answered, and why others were not."""
    lines = [f"  {n:,} × {shown(reason, limit=200)}" for reason, n in result.reasons.items()]
    head = f"{counted(result.answered, 'row')} predicted"
    head += f", {result.not_covered:,} not covered" if result.not_covered else ""
    head += f", {result.rejected:,} rejected"
    return [*lines, f"✔ {head}: {result.path}"]


def refresh_lines(report: RefreshReport) -> list[str]:
    """From when each history answers."""
    if not report.grids:
        return [f"– nothing to refresh: {shown(report.product)} has no history features"]
    return [
        f"✔ {_refreshed(report, name)} in {report.environment}: as of {moment(grid)}"
        for name, grid in report.grids.items()
    ]


def _refreshed(report: RefreshReport, name: str) -> str:
    if name not in report.written:
        return f"up to date {shown(name)}"
    return f"refreshed {shown(name)} ({report.written[name]:,} entities)"


def verify_lines(report: VerifyReport) -> list[str]:
    """What was verified."""
    lines = [
        f"✔ verified {shown(v.name)}: {counted(v.files, 'file')}, "
        f"{counted(v.attestations, 'attestation')}, {v.bundle[:_SHORT]}"
        + (f", signed by {', '.join(v.signers)}" if v.signers else "")
        + (f"; waived: {', '.join(map(gate_name, v.waived))}" if v.waived else "")
        + "".join(f"; {sentence}" for sentence in v.erased)
        for v in report.checked
    ]
    if any(v.signers and not v.known for v in report.checked):
        lines.append(
            "! by the keys that lie beside it: whoever made the folder chose them; "
            "--key FILE or --key ID holds it to a key that you know"
        )
    if report.events:
        lines.append(f"✔ verified the ledger: {counted(report.events, 'event')} in one chain")
    return lines or ["– nothing to verify: there is no release yet"]


def export_lines(path: Path) -> list[str]:
    """Where it lies, and how to serve it."""
    return [f"✔ exported and verified: {path}", f"next: interlock serve --bundle {path}"]
