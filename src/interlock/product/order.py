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

    A name that is neither given nor defined is left to whoever reports unknown names.
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
            return tuple(done), (tuple(sorted(left)),)
        for name in ready:
            done.append(name)
            del left[name]
    return tuple(done), ()
