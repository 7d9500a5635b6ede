"""A function that a product declares: features, labels, post-processing, outlier rules, metrics.

Invariants: it stays callable as it was written, and nothing is evaluated when it is declared.

>>> def area_per_room(area: float, rooms: int) -> float:
...     return area / rooms
>>> declared = DeclaredFunction(area_per_room)
>>> declared.name, declared(120.0, 4), arguments_of(area_per_room)
('area_per_room', 30.0, ('area', 'rooms'))
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DeclaredFunction:
    """What every declared function shares: its name, its place, and that it can be called."""

    function: Callable[..., Any]

    @property
    def name(self) -> str:
        """The function's name, which is that of what it declares."""
        return name_of(self.function)

    @property
    def where(self) -> str:
        """file:line of the definition."""
        return place_of(self.function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The plain function's answer."""
        return self.function(*args, **kwargs)


def name_of(function: Any) -> str:
    """A function's name, or what stands for it where it has none."""
    return str(getattr(function, "__name__", None) or repr(function)[:80])


def plain_function(function: Any) -> types.FunctionType | None:
    """The Python function under its wrappers; None for anything else."""
    found = inspect.unwrap(function)
    return found if isinstance(found, types.FunctionType) else None


def place_of(function: Any) -> str:
    """file:line of a function, as far as it is known."""
    plain = plain_function(function)
    if plain is None:
        return repr(function)[:80]
    return f"{plain.__code__.co_filename}:{plain.__code__.co_firstlineno}"


def arguments_of(function: Any) -> tuple[str, ...]:
    """The names of a function's arguments, as far as they are known."""
    plain = plain_function(function)
    return () if plain is None else tuple(inspect.signature(plain).parameters)
