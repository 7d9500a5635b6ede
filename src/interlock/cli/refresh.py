"""``interlock refresh``."""

from __future__ import annotations

from interlock.cli.options import OF_PRODUCT, OfProduct
from interlock.cli.output import answer


def refresh_command(*, environment: str = "prod", options: OfProduct = OF_PRODUCT) -> None:
    """Fill an environment's online store for the present.

    Parameters
    ----------
    environment
        Whose store to fill.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain, refresh_lines
    from interlock.use_cases import refresh

    with opened(options) as workspace:
        report = refresh.refresh(workspace, options.product, environment=environment)
    answer("refresh", options, lambda: plain(report), lambda: refresh_lines(report))
