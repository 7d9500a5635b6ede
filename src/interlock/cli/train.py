"""``interlock train``."""

from __future__ import annotations

from interlock.cli.options import OF_PRODUCT, OfProduct
from interlock.cli.output import answer


def train_command(*, as_of: str | None = None, options: OfProduct = OF_PRODUCT) -> None:
    """Train and compare the candidates; nothing is delivered.

    Parameters
    ----------
    as_of
        A date, or a time with an offset, to train as of (default: now).
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain
    from interlock.cli.render_train import train_lines
    from interlock.use_cases import train

    with opened(options) as workspace:
        report = train.train(workspace, options.product, as_of=as_of)
    answer("train", options, lambda: plain(report), lambda: train_lines(report))
