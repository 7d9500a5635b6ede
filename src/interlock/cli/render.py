"""What a use case gave back, as lines for people or as plain JSON values.

Invariants: a glyph always comes with its word; names from outside are made safe; in JSON an instant
is a text in ISO 8601, UTC, and a number that is none is null.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interlock.clock import format_instant
from interlock.report.names import shown
from interlock.report.numbers import (
    moment,
)
from interlock.report.phrases import gate_name
from interlock.store.rows import DeploymentRow
from interlock.wording import as_typed, counted

if TYPE_CHECKING:
    from interlock.serve.batch.predict import BatchResult
    from interlock.use_cases.check import CheckReport
    from interlock.use_cases.exported import Serving, VerifyReport
    from interlock.use_cases.rebuild import RebuildReport
    from interlock.use_cases.refresh import RefreshReport

_INSTANTS = frozenset(
    {"as_of", "at", "since", "started", "finished", "created", "expires", "began"}
)
GLYPHS = {
    "delivered": "✔",
    "held": "✔",
    "unchanged": "=",
    "blocked": "✖",
    "failed": "!",
    "interrupted": "!",
    "running": "…",
}
SHORT = 12  # characters of a digest


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
    return f"refreshed {shown(name)} ({counted(report.written[name], 'entity', 'entities')})"


def verify_lines(report: VerifyReport) -> list[str]:
    """What was verified."""
    lines = [
        f"✔ verified {shown(v.name)}: {counted(v.files, 'file')}, "
        f"{counted(v.attestations, 'attestation')}, {v.bundle[:SHORT]}"
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


def rebuild_lines(report: RebuildReport) -> list[str]:
    """What was made anew, and of what."""
    if report.attestations:
        return [
            f"✔ rebuilt the ledger of {counted(report.attestations, 'attestation')}: "
            f"{counted(report.events, 'event')} in one chain",
            "! what only the lost ledger knew is gone: deliveries without a bundle, results of "
            "stages, erasures",
        ]
    if report.tables:
        return [f"✔ rebuilt of {counted(report.events, 'event')}: {', '.join(report.tables)}"]
    return [f"✔ the ledger's tables say what its {counted(report.events, 'event')} say"]


def export_lines(path: Path) -> list[str]:
    """Where it lies, and how to serve it."""
    return [
        f"✔ exported and verified: {path}",
        f"next: {as_typed('interlock', 'serve', '--bundle', path)}",
    ]
