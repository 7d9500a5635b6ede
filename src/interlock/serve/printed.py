"""A worker's error, read back from what it printed.

>>> print(printed_error(2, "error[S101]: the port is in use\\n  where: 127.0.0.1:80\\n"))
error[S101]: the port is in use
  where: 127.0.0.1:80
"""

from __future__ import annotations

import re

from interlock.errors import (
    BlockedError,
    IntegrityError,
    InterlockError,
    Mistake,
    OperatorError,
)

_HEAD = re.compile(r"error\[([A-Z]\d{3})\]: (.*)")
_PART = re.compile(r"  (where|expected|got|fix|untouched): (.*)")


def printed_error(status: int, said: str) -> InterlockError | None:
    """The error that a process with this exit status printed; None if it printed none."""
    mistakes = _mistakes(said)
    if not mistakes:
        return None
    kind: type[InterlockError] = OperatorError
    for known in (IntegrityError, BlockedError):
        if known.exit_code == status:
            kind = known
    return kind.of(mistakes)


def _mistakes(said: str) -> list[Mistake]:
    found: list[dict[str, str]] = []
    for line in said.splitlines():
        if head := _HEAD.fullmatch(line):
            found.append({"code": head[1], "what": head[2]})
        elif found and (part := _PART.fullmatch(line)):
            found[-1][part[1]] = part[2]
    return [Mistake(**fields) for fields in found]
