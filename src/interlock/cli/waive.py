"""``interlock waive``."""

from __future__ import annotations

from interlock.cli.options import OF_PRODUCT, OfProduct
from interlock.cli.output import answer


def waive_command(
    gate: str,
    /,
    *,
    delivery: int,
    reason: str,
    expires: str,
    role: str = "releaser",
    options: OfProduct = OF_PRODUCT,
) -> None:
    """Open a shut gate for one delivery, with a reason and an expiry.

    Parameters
    ----------
    gate
        The gate that stopped the delivery: data, model or service.
    delivery
        The delivery's number.
    reason
        Why; it stays on the release for ever.
    expires
        For how long: the release must become live within this span, such as 7d.
    role
        In which role: releaser, approver or admin.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render_waivers import waive_lines, waive_row
    from interlock.use_cases import waive

    with opened(options) as workspace:
        report = waive.waive(
            workspace,
            options.product,
            gate=gate,
            delivery=delivery,
            reason=reason,
            expires=expires,
            role=role,
        )
    answer("waive", options, lambda: waive_row(report), lambda: waive_lines(report))
