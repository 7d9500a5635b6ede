"""The order in which request features are computed: after all that they need.

>>> order_of({"b": ("a", "x"), "a": ("x",)}, {"x"})
(('a', 'b'), ())
>>> order_of({"a": ("b",), "b": ("a",)}, set())[1]
(('a', 'b'),)
"""

from __future__ import annotations

from collections.abc import Mapping, Set


def order_of(
    needs: Mapping[str, tuple[str, ...]], given: Set[str]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """(names in dependency order, circles). Declared order is kept where it can be.

    In a circle each name needs the next, and the last the first. A name that is neither given nor
    defined is left to whoever reports unknown names.
    """
    done: list[str] = []
    left = dict(needs)
    while left:
        ready = [
            name
            for name, arguments in left.items()
            if not any(argument in left and argument not in given for argument in arguments)
        ]
        if not ready:
            return tuple(done), _circles(left, given)
        for name in ready:
            done.append(name)
            del left[name]
    return tuple(done), ()


def _circles(left: Mapping[str, tuple[str, ...]], given: Set[str]) -> tuple[tuple[str, ...], ...]:
    """A circle for each name that is stuck: follow what it waits for until a name comes again."""
    next_of = {
        name: next(a for a in arguments if a in left and a not in given)
        for name, arguments in left.items()
    }
    found: set[tuple[str, ...]] = set()
    for start in left:
        path = [start]
        while next_of[path[-1]] not in path:
            path.append(next_of[path[-1]])
        circle = path[path.index(next_of[path[-1]]) :]
        first = circle.index(min(circle))
        found.add((*circle[first:], *circle[:first]))
    return tuple(sorted(found))
