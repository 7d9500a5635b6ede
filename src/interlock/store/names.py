"""Names from outside that become file names or keys: one path component, plain ASCII.

>>> check_name("valuation", "product")
'valuation'
>>> check_name("../../x", "product")
Traceback (most recent call last):
interlock.errors.StoreError: error[L104]: a product's name cannot be a file name
  expected: letters, digits, '.', '_' or '-', at most 64, beginning with a letter or digit
  got: '../../x'
  fix: rename the product
"""

from __future__ import annotations

import re

from interlock.digest import is_digest
from interlock.errors import StoreError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def is_name(text: str) -> bool:
    """Whether :func:`check_name` takes it."""
    return _NAME.fullmatch(text) is not None


def check_name(text: str, what: str) -> str:
    """The name itself. Raises StoreError L104 when it could climb, hide or collide."""
    if not isinstance(text, str) or not is_name(text):
        raise StoreError(
            "L104",
            f"a {what}'s name cannot be a file name",
            expected="letters, digits, '.', '_' or '-', at most 64, "
            "beginning with a letter or digit",
            got=repr(text)[:100],
            fix=f"rename the {what}",
        )
    return text


def check_digest(text: str) -> str:
    """The digest itself. Raises StoreError L105 when it is anything but 64 hexadecimal digits."""
    if not isinstance(text, str) or not is_digest(text):
        raise StoreError(
            "L105",
            "a digest was expected",
            expected="64 lower-case hexadecimal digits",
            got=repr(text)[:100],
            fix="give the full digest, as `interlock show` prints it",
        )
    return text
