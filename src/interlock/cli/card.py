"""``interlock card``."""

from __future__ import annotations

from pathlib import Path

from interlock.cli.options import OF_PRODUCT, OfProduct
from interlock.cli.output import answer


def card_command(
    release: str | None = None, /, *, out: Path | None = None, options: OfProduct = OF_PRODUCT
) -> None:
    """The model card of a release, as Markdown.

    Parameters
    ----------
    release
        A label such as 1.4.0, or the beginning of a digest (default: what is live).
    out
        Write it into this file (default: print it).
    """
    from interlock.cli.opening import opened
    from interlock.use_cases import card

    with opened(options) as workspace:
        text = card.card(workspace, options.product, what=release, out=out)
    lines = text.splitlines() if out is None else [f"✔ wrote the model card to {out}"]
    row = {"card": text, "file": None if out is None else str(out)}
    answer("card", options, lambda: row, lambda: lines)
