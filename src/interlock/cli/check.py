"""``interlock check``."""

from __future__ import annotations

import os

from interlock.cli.options import IN_PROJECT, InProject
from interlock.cli.output import answer


def check_command(*, options: InProject = IN_PROJECT) -> None:
    """Check the declarations without running them; all mistakes at once."""
    from interlock.cli.render import check_lines, plain
    from interlock.use_cases import check

    report = check.check(options.project, os.environ)
    answer("check", options, lambda: plain(report), lambda: check_lines(report))
