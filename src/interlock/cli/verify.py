"""``interlock verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from interlock.cli.options import OF_PRODUCT, OfProduct
from interlock.cli.output import answer
from interlock.errors import OperatorError

Keys = Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)]


def verify_command(
    what: str | None = None,
    /,
    *,
    key: Keys = (),
    options: OfProduct = OF_PRODUCT,
) -> None:
    """Check bytes, signatures and the ledger against what was recorded.

    Parameters
    ----------
    what
        A label, a digest or an exported folder (default: all releases, and the ledger).
    key
        A key that must have signed the exported folder: a file, or an id.
    """
    from interlock.cli.render import plain, verify_lines

    if what is not None and Path(what).is_dir():
        from interlock.use_cases import exported

        report = exported.verify_directory(Path(what), key)
    elif key:
        raise OperatorError(
            "C161",
            "--key is for an exported folder",
            expected="the folder of an export; a project knows its own keys",
            got=what or "no folder",
            fix="name the folder, or leave --key out",
        )
    else:
        from interlock.cli.opening import opened
        from interlock.use_cases import verify

        with opened(options) as workspace:
            report = verify.verify(workspace, options.product, what=what)
    answer("verify", options, lambda: plain(report), lambda: verify_lines(report))
