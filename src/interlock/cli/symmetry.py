"""``interlock symmetry``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from interlock.cli.options import OF_PRODUCT, Flag, OfProduct
from interlock.cli.output import answer
from interlock.errors import ExitCode


def symmetry_command(
    *,
    environment: str = "prod",
    share: Annotated[float, Parameter(validator=Number(gt=0, lte=1))] = 0.1,
    replayed: Flag = False,
    options: OfProduct = OF_PRODUCT,
) -> int:
    """Recompute a sample of what was answered; tell defects from staleness.

    Parameters
    ----------
    environment
        Whose prediction log to look at.
    share
        How many of the entities to look at, up to 1.
    replayed
        Look at what `interlock serve --replay` answered.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain
    from interlock.cli.render_features import symmetry_lines
    from interlock.use_cases import symmetry

    with opened(options) as workspace:
        report = symmetry.symmetry(
            workspace,
            options.product,
            environment=environment,
            share=share,
            replayed=replayed,
        )
    code = int(ExitCode.MONITOR_BREACHED if report.defective else ExitCode.OK)
    answer(
        "symmetry",
        options,
        lambda: {"exit_code": code, **plain(report)},
        lambda: symmetry_lines(report),
    )
    return code
