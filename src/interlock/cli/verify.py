"""``interlock verify``."""

from __future__ import annotations

from pathlib import Path

from interlock.cli.options import OF_PRODUCT, OfProduct
from interlock.cli.output import answer


def verify_command(what: str | None = None, /, *, options: OfProduct = OF_PRODUCT) -> None:
    """Check bytes, signatures and the ledger against what was recorded.

    Parameters
    ----------
    what
        A label, a digest or an exported folder (default: all releases, and the ledger).
    """
    from interlock.cli.render import plain, verify_lines

    if what is not None and Path(what).is_dir():
        from interlock.use_cases import exported

        report = exported.verify_directory(Path(what))
    else:
        from interlock.cli.opening import opened
        from interlock.use_cases import verify

        with opened(options) as workspace:
            report = verify.verify(workspace, options.product, what=what)
    answer("verify", options, lambda: plain(report), lambda: verify_lines(report))
