"""How a delivery ended, as lines for people or as plain JSON values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from interlock.cli.render import GLYPHS, plain
from interlock.report.content import Command
from interlock.report.names import shown
from interlock.report.phrases import UNDRAWN

if TYPE_CHECKING:
    from interlock.pipeline.delivery.ending import Delivered


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
        f"{GLYPHS.get(done.row.status, '?')} {done.row.status}: {shown(content.status, limit=400)}",
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
