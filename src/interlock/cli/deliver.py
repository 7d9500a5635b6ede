"""``interlock deliver``."""

from __future__ import annotations

import sys
from pathlib import Path

from interlock.cli.options import OF_PRODUCT, Flag, OfProduct
from interlock.cli.output import answer, error_lines, write_lines


def deliver_command(
    *,
    as_of: str | None = None,
    to: str | None = None,
    resume: Flag = False,
    unpin: Flag = False,
    full: Flag = False,
    hold: Flag = False,
    verbose: Flag = False,
    junit: Path | None = None,
    summary: Path | None = None,
    options: OfProduct = OF_PRODUCT,
) -> int:
    """Run the whole path from sources to an environment, through the gates.

    Parameters
    ----------
    as_of
        A date, or a time with an offset, to deliver as of (default: now).
    to
        The environment to reach (default: prod).
    resume
        Go on with the last delivery as begun, if interrupted or failed, or its gate was waived.
    unpin
        Deliver over a release that a rollback pinned.
    full
        Ask the service gate in its full form, as prod's default policy has it anyway.
    hold
        Prove the release for the environment, for a rollout; what is live there stays.
    verbose
        Show every check, also those that passed.
    junit
        Write the checks as JUnit XML here too.
    summary
        Write the Markdown summary for a pull request here too.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render_delivery import delivered_lines, delivered_row
    from interlock.report.documents import JUNIT, SUMMARY
    from interlock.use_cases import deliver

    asked = {JUNIT: junit, SUMMARY: summary}
    with opened(options, verbose=verbose) as workspace:
        done = deliver.deliver(
            workspace,
            options.product,
            as_of=as_of,
            to=to,
            resume=resume,
            unpin=unpin,
            full=full,
            hold=hold,
            copies={name: path for name, path in asked.items() if path is not None},
        )
    write_lines(sys.stderr, error_lines(done.mistakes))
    answer("deliver", options, lambda: delivered_row(done), lambda: delivered_lines(done))
    return int(done.exit_code)
