"""``interlock rollback``."""

from __future__ import annotations

from interlock.cli.options import OF_PRODUCT, OfProduct
from interlock.cli.output import answer


def rollback_command(
    *,
    environment: str = "prod",
    to: str | None = None,
    reason: str = "",
    options: OfProduct = OF_PRODUCT,
) -> None:
    """Return to the release before; running services follow.

    Parameters
    ----------
    environment
        Where to roll back.
    to
        A label or digest of a release that was live there (default: the one before).
    reason
        Why, for the record.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain, rollback_lines
    from interlock.use_cases import rollback

    with opened(options) as workspace:
        row = rollback.rollback(
            workspace, options.product, environment=environment, to=to, reason=reason
        )
    answer("rollback", options, lambda: plain(row), lambda: rollback_lines(row))
