"""A waiver that was given, as lines for people or as plain JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interlock.cli.render import plain
from interlock.report.names import shown
from interlock.report.phrases import check_phrase, gate_name, waiver_phrase

if TYPE_CHECKING:
    from interlock.use_cases.waive import WaiveReport


def waive_lines(report: WaiveReport) -> list[str]:
    """What was waived, by whom, until when; what it lets pass; what to type next."""
    waiver = report.waiver
    where = f"{gate_name(waiver.gate)} of {shown(waiver.product)} delivery {waiver.number}"
    return [
        f"! {where}: {waiver_phrase(waiver)}",
        *(f"    lets pass: {check_phrase(check)}" for check in report.checks),
        "next: interlock deliver --resume",
    ]


def waive_row(report: WaiveReport) -> dict[str, Any]:
    """The waiver and the checks that it lets pass."""
    return {
        "waiver": plain(report.waiver),
        "checks": [plain(check.to_row()) for check in report.checks],
    }
