"""``interlock rebuild``."""

from __future__ import annotations

from interlock.cli.options import IN_PROJECT, InProject
from interlock.cli.output import answer


def rebuild_command(*, options: InProject = IN_PROJECT) -> None:
    """Make altered tables anew of the ledger's events; a lost ledger of signatures."""
    from interlock.cli.opening import opened
    from interlock.cli.render import plain, rebuild_lines
    from interlock.use_cases import rebuild

    with opened(options) as workspace:
        report = rebuild.rebuild(workspace)
    answer("rebuild", options, lambda: plain(report), lambda: rebuild_lines(report))
