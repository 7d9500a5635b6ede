"""How a name from outside is shown: safely, on one line, and not too long.

Column names, categories and messages come from data and may hold anything. Control characters
(which could colour or rewrite a terminal, or make an SVG ill-formed), invisible ones and those
that reverse the direction of writing are shown as escapes. Escaping for HTML is not done here:
the template and :mod:`interlock.report.charts.svg` do it.

>>> shown("price\\x1b[31m\\u202e")
'price\\\\x1b[31m\\\\u202e'
>>> shown("a" * 20, limit=9)
'aaaaa…aaa'
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def shown(name: object, *, limit: int = 120) -> str:
    """``name`` as one visible line of at most ``limit`` characters, shortened in its middle."""
    text = str(name)
    if (
        len(text) > 2 * limit
    ):  # a character becomes one or more: of so many the middle is cut anyway
        text = text[:limit] + text[-limit:]
    line = text if text.isprintable() else "".join(map(_visible, text))
    if len(line) <= limit:
        return line
    tail = max(0, (limit - 1) // 2 - 1)
    return line[: limit - 1 - tail] + "…" + (line[-tail:] if tail else "")


@lru_cache(maxsize=1_024)
def _visible(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
