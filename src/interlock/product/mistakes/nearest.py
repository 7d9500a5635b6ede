"""What a wrong name was probably meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint at the most similar name, or nothing."""
    found = difflib.get_close_matches(name, list(names), n=1)
    return f"did you mean '{found[0]}'?" if found else ""
