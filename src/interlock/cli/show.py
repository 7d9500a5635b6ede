"""``interlock show``."""

from __future__ import annotations

from interlock.cli.options import OF_PRODUCT, OfProduct
from interlock.cli.output import answer


def show_command(release: str | None = None, /, *, options: OfProduct = OF_PRODUCT) -> None:
    """What a release is made of, and what is proven of it.

    Parameters
    ----------
    release
        A label such as 1.4.0, or the beginning of a digest (default: what is live).
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain
    from interlock.cli.render_show import show_lines
    from interlock.use_cases import show

    with opened(options) as workspace:
        report = show.show(workspace, options.product, what=release)
    answer("show", options, lambda: plain(report), lambda: show_lines(report))
