"""``interlock export``."""

from __future__ import annotations

from pathlib import Path

from interlock.cli.options import OF_PRODUCT, OfProduct
from interlock.cli.output import answer


def export_command(
    release: str | None = None, /, *, out: Path, options: OfProduct = OF_PRODUCT
) -> None:
    """Copy a release with its proofs into a folder, to serve it elsewhere.

    Parameters
    ----------
    release
        A label or the beginning of a digest (default: what is live).
    out
        The folder to make; it must be new or empty.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import export_lines
    from interlock.use_cases import export

    with opened(options) as workspace:
        path = export.export(workspace, options.product, what=release, out=out)
    answer("export", options, lambda: {"path": str(path)}, lambda: export_lines(path))
