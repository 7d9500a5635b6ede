"""``interlock features``."""

from __future__ import annotations

from interlock.cli.options import OF_PRODUCT, OfProduct
from interlock.cli.output import answer


def features_command(*, environment: str = "prod", options: OfProduct = OF_PRODUCT) -> None:
    """List the features: what each is, where it comes from, how fresh, how much it matters.

    Parameters
    ----------
    environment
        Whose champion and online store to look at.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain
    from interlock.cli.render_features import features_lines
    from interlock.use_cases import features

    with opened(options) as workspace:
        report = features.features(workspace, options.product, environment=environment)
    answer("features", options, lambda: plain(report), lambda: features_lines(report))
