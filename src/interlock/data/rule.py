"""What a value must be to be used: its kind, whether it may be missing, its range, its closed list.

A rule is pure data. Request fields and source columns both come down to rules, so that a row of a
training source and a live request are held to the same ones.

>>> Rule(kind="int", ge=1800).phrases
('must be a whole number', 'must be ≥ 1800')
>>> contradiction(ge=5, lt=5, whole=False)
'no number is ≥ 5 and < 5'
"""

from __future__ import annotations

import math
from dataclasses import dataclass

KINDS = ("int", "float", "str", "bool", "date", "datetime", "category")
MAX_TEXT = 4_096  # characters in one text value of a request
EXACT_INT = 2**53  # whole numbers up to here are exact as float64, as the model sees them

PHRASES = {
    "int": "must be a whole number",
    "float": "must be a finite number",
    "str": "must be text",
    "bool": "must be true or false",
    "date": "must be a date",
    "datetime": "must be a time with a zone",
    "category": "must be one of the declared categories",
}
MISSING = "is missing"
TOO_BIG = "must lie within ±2^53"
OUTSIDE = "must lie in the years 1 to 9999 of UTC"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Kind, missing or not, bounds (numbers), categories, length (characters), pattern (all of it).

    ``pattern`` is a regular expression of Python's. A date with a ``zone`` stands for its first
    moment there.
    """

    kind: str
    nullable: bool = False
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    categories: tuple[str, ...] = ()
    max_text: int | None = None
    min_text: int | None = None
    pattern: str | None = None
    zone: str | None = None

    @property
    def bounds(self) -> tuple[tuple[str, float], ...]:
        """The declared bounds as (sign, number) pairs, for example (("≥", 1800),)."""
        pairs = (("≥", self.ge), (">", self.gt), ("≤", self.le), ("<", self.lt))
        return tuple((sign, bound) for sign, bound in pairs if bound is not None)

    @property
    def phrases(self) -> tuple[str, ...]:
        """What a value that breaks this rule is told, kind first."""
        return (PHRASES[self.kind], *(f"must be {sign} {bound:g}" for sign, bound in self.bounds))


def contradiction(
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    whole: bool,
) -> str | None:
    """Why no number (no whole number, if ``whole``) can satisfy the bounds; None if one can."""
    for name, bound in (("ge", ge), ("gt", gt), ("le", le), ("lt", lt)):
        if bound is not None and not _is_number(bound):
            return f"{name}={bound!r} is not a finite number"
    if ge is not None and gt is not None:
        return "ge and gt are both given"
    if le is not None and lt is not None:
        return "le and lt are both given"
    low, high = ge if gt is None else gt, le if lt is None else lt
    if low is None or high is None:
        return None
    if _none_between(low, high, open_low=gt is not None, open_high=lt is not None, whole=whole):
        noun = "whole number" if whole else "number"
        signs = ("≥" if gt is None else ">", "≤" if lt is None else "<")
        return f"no {noun} is {signs[0]} {low:g} and {signs[1]} {high:g}"
    return None


def _is_number(bound: object) -> bool:
    return isinstance(bound, int | float) and not isinstance(bound, bool) and math.isfinite(bound)


def _none_between(low: float, high: float, *, open_low: bool, open_high: bool, whole: bool) -> bool:
    if whole:
        first = math.floor(low) + 1 if open_low else math.ceil(low)
        last = math.ceil(high) - 1 if open_high else math.floor(high)
        return first > last
    return low > high or (low == high and (open_low or open_high))
