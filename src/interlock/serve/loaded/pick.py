"""Values out of a row by name, at the cost of one call."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

Values = tuple[Any, ...]


def picker(names: Sequence[str], wanted: Sequence[str]) -> Callable[[Values], Values]:
    """A function that takes the wanted names' values out of a row of ``names``.

    >>> picker(["a", "b", "c"], ["c", "a"])((1, 2, 3))
    (3, 1)
    """
    places = [names.index(name) for name in wanted]
    if len(places) > 1:
        return operator.itemgetter(*places)
    first = places[0] if places else 0
    return operator.itemgetter(slice(first, first + len(places)))  # one or none, still a tuple
