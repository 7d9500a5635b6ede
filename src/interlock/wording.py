"""Words that messages share: things that are counted, and commands to type.

>>> counted(1, "row"), counted(18_204, "row"), counted(2, "row is", "rows are")
('1 row', '18,204 rows', '2 rows are')
"""

from __future__ import annotations

import shlex


def counted(n: int, noun: str, plural: str = "") -> str:
    """'1 row', '18,204 rows'."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def as_typed(*words: object) -> str:
    """The words of a command, quoted where a shell would read them otherwise: for a fix, a hint.

    >>> as_typed("interlock", "log", "erase", "--log", "/srv/my service/log")
    "interlock log erase --log '/srv/my service/log'"
    """
    return shlex.join(map(str, words))
