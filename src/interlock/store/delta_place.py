"""Folders in which the library for Delta Lake finds its tables again: not those of every name.

It takes a path for an address, decodes it once too often, and finds nothing where ``%`` with two
digits stands, or a backslash. What it does to a table that is there stops in a folder with one of
four more signs, which an address may not hold. No spelling of the address helps, nor does a link,
which it follows first.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from interlock.errors import OperatorError

_LOST = re.compile(r"%[0-9A-Fa-f]{2}|[\\\x00-\x1f\x7f\ud800-\udfff]")
_STUCK = re.compile(r"[\[\]^|]")


def require_delta_place(path: Path, *, changes: bool, fix: str, untouched: str = "") -> None:
    """Raises OperatorError S190 where no Delta table can stand at that path, nor behind it.

    ``changes``: whether the table is not only made and read, but added to and removed from.
    """
    real = os.path.realpath(path)
    if not _LOST.search(real) and not (changes and _STUCK.search(real)):
        return
    signs = "no % with two digits behind it, no backslash, no control character"
    raise OperatorError(
        "S190",
        "a Delta table cannot stand in a folder of this name",
        where=str(path),
        expected=signs + (", none of [ ] ^ |" if changes else ""),
        got=repr(real),
        fix=fix,
        untouched=untouched,
    )
