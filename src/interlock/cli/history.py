"""``interlock history``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from interlock.cli.options import OF_PRODUCT, OfProduct
from interlock.cli.output import answer


def history_command(
    *,
    limit: Annotated[int, Parameter(validator=Number(gte=1))] = 20,
    options: OfProduct = OF_PRODUCT,
) -> None:
    """Deliveries, deployments and rollouts, newest first.

    Parameters
    ----------
    limit
        How many of each to show.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain
    from interlock.cli.render_status import history_lines
    from interlock.use_cases import history

    with opened(options) as workspace:
        report = history.history(workspace, options.product, limit=limit)
    answer("history", options, lambda: plain(report), lambda: history_lines(report))
