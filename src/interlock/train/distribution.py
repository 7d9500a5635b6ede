"""What a search may try for a parameter.

>>> int_range(15, 127, log=True).to_row()
{'distribution': 'int', 'low': 15, 'high': 127, 'log': True}
>>> choice("l1", "l2").to_row()
{'distribution': 'choice', 'values': ['l1', 'l2']}
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, kw_only=True)
class IntRange:
    """Whole numbers from ``low`` to ``high``, both included; evenly in the logarithm if ``log``."""

    low: int
    high: int
    log: bool = False

    def flaw(self) -> str:
        """What is wrong with it, or ''."""
        if not (_is_int(self.low) and _is_int(self.high)):
            return "int_range takes whole numbers"
        return _flaw_of_range(self.low, self.high, self.log)

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"distribution": "int", "low": self.low, "high": self.high, "log": self.log}


@dataclass(frozen=True, kw_only=True)
class FloatRange:
    """Numbers from ``low`` to ``high``; evenly in the logarithm if ``log``."""

    low: float
    high: float
    log: bool = False

    def flaw(self) -> str:
        """What is wrong with it, or ''."""
        return _flaw_of_range(self.low, self.high, self.log)

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "distribution": "float",
            "low": float(self.low),
            "high": float(self.high),
            "log": self.log,
        }


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of the values."""

    values: tuple[bool | int | float | str | None, ...]

    def flaw(self) -> str:
        """What is wrong with it, or ''."""
        if not self.values:
            return "choice takes at least one value"
        if all(v is None or isinstance(v, bool | int | float | str) for v in self.values):
            return ""
        return "choice takes None, bools, numbers and texts"

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"distribution": "choice", "values": list(self.values)}


Distribution: TypeAlias = IntRange | FloatRange | Choice


def int_range(low: int, high: int, *, log: bool = False) -> IntRange:
    """Whole numbers from ``low`` to ``high``, both included."""
    return IntRange(low=low, high=high, log=log)


def float_range(low: float, high: float, *, log: bool = False) -> FloatRange:
    """Numbers from ``low`` to ``high``."""
    return FloatRange(low=low, high=high, log=log)


def choice(*values: bool | int | float | str | None) -> Choice:
    """One of the values."""
    return Choice(values=values)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _flaw_of_range(low: Any, high: Any, log: bool) -> str:
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in (low, high)):
        return "a range takes finite numbers"
    if low > high:
        return f"low {low:g} is above high {high:g}"
    return f"log needs low above 0, not {low:g}" if log and low <= 0 else ""
