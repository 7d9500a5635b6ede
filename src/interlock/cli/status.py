"""``interlock status``."""

from __future__ import annotations

from interlock.cli.options import IN_PROJECT, InProject
from interlock.cli.output import answer


def status_command(*, options: InProject = IN_PROJECT) -> int:
    """What is live where, since when, and how the last delivery ended."""
    from interlock.cli.opening import opened
    from interlock.cli.render import plain
    from interlock.cli.render_status import status_lines
    from interlock.clock import now
    from interlock.use_cases import status

    with opened(options) as workspace:
        report = status.status(workspace)
    code = int(report.exit_code)
    answer(
        "status",
        options,
        lambda: {"exit_code": code, **plain(report)},
        lambda: status_lines(report, at=now()),
    )
    return code
