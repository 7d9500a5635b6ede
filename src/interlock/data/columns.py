"""Constraints on a source's columns: rows that break one are quarantined with the reason.

>>> Int(ge=5_000, unit="USD").rule.phrases
('must be a whole number', 'must be ≥ 5000')
>>> Category(["brick", "wood"], nullable=True).rule.categories
('brick', 'wood')
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from interlock.data.rule import Rule, contradiction
from interlock.errors import Mistake


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a source: its kind and unit, whether a value may be missing, or occur twice.

    A value that rows with different keys share is a fault of all of them where it must be
    ``unique``; missing values are not compared.
    """

    kind: ClassVar[str]

    unit: str = ""
    nullable: bool = False
    unique: bool = False

    @property
    def rule(self) -> Rule:
        """What a value of this column must be."""
        return Rule(kind=self.kind, nullable=self.nullable)

    def mistakes(self) -> Iterator[Mistake]:
        """What is wrong with the declaration itself."""
        yield from ()

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values; what is not asked for is left out."""
        rule = self.rule
        more = {
            "unique": self.unique or None,
            "min_length": rule.min_text,
            "max_length": rule.max_text,
            "matches": rule.pattern,
        }
        return {
            "kind": self.kind,
            "unit": self.unit,
            "nullable": self.nullable,
            "bounds": [list(pair) for pair in rule.bounds],
            "categories": list(rule.categories),
            **{name: value for name, value in more.items() if value is not None},
        }


@dataclass(frozen=True, kw_only=True)
class _Number(Column):
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None

    @property
    def rule(self) -> Rule:
        """What a value of this column must be."""
        return Rule(
            kind=self.kind,
            nullable=self.nullable,
            ge=self.ge,
            gt=self.gt,
            le=self.le,
            lt=self.lt,
        )

    def mistakes(self) -> Iterator[Mistake]:
        """Bounds that no number can satisfy."""
        problem = contradiction(
            ge=self.ge, gt=self.gt, le=self.le, lt=self.lt, whole=self.kind == "int"
        )
        if problem:
            yield Mistake(
                code="C112",
                what="the bounds of a column contradict each other",
                expected="at most one lower and one upper bound, with a number between them",
                got=problem,
                fix="correct the bounds",
            )


@dataclass(frozen=True, kw_only=True)
class Int(_Number):
    """Whole numbers within ±2^53."""

    kind: ClassVar[str] = "int"


@dataclass(frozen=True, kw_only=True)
class Float(_Number):
    """Finite numbers."""

    kind: ClassVar[str] = "float"


@dataclass(frozen=True, kw_only=True)
class Str(Column):
    """Text, within a length (characters), matched as a whole by a regular expression (Python's).

    A CSV column declared so keeps its leading zeros.

    >>> Str(matches="[A-Z]{2}[0-9]+", max_length=6).rule.pattern
    '[A-Z]{2}[0-9]+'
    """

    kind: ClassVar[str] = "str"

    min_length: int | None = None
    max_length: int | None = None
    matches: str | None = None

    @property
    def rule(self) -> Rule:
        """What a value of this column must be."""
        return Rule(
            kind=self.kind,
            nullable=self.nullable,
            min_text=self.min_length,
            max_text=self.max_length,
            pattern=self.matches,
        )

    def mistakes(self) -> Iterator[Mistake]:
        """Lengths that no text can have, and a pattern that is none."""
        problem = contradiction(ge=self.min_length, le=self.max_length, whole=True)
        if problem or any(n is not None and n < 0 for n in (self.min_length, self.max_length)):
            yield Mistake(
                code="C112",
                what="the lengths of a column contradict each other",
                expected="a least and a greatest length, with a whole number between them",
                got=problem or "a length below 0",
                fix="correct the lengths",
            )
        if (why := _no_pattern(self.matches)) is not None:
            yield Mistake(
                code="C116",
                what="the pattern of a column is no regular expression",
                expected="a regular expression of Python's, such as '[A-Z]{2}[0-9]+'",
                got=why,
                fix="correct matches='…'",
            )


def _no_pattern(pattern: object) -> str | None:
    """Why it cannot be matched with; None where it can, or where there is none."""
    if pattern is None:
        return None
    if not isinstance(pattern, str):
        return repr(pattern)
    try:
        re.compile(pattern)
    except re.error as error:
        return f"{pattern!r}: {error}"
    return None


@dataclass(frozen=True, kw_only=True)
class Bool(Column):
    """True or false."""

    kind: ClassVar[str] = "bool"


@dataclass(frozen=True, kw_only=True)
class Date(Column):
    """Calendar days."""

    kind: ClassVar[str] = "date"


@dataclass(frozen=True, kw_only=True)
class Datetime(Column):
    """Moments with a zone or a UTC offset."""

    kind: ClassVar[str] = "datetime"


@dataclass(frozen=True, kw_only=True)
class Category(Column):
    """Text out of a closed list."""

    kind: ClassVar[str] = "category"

    values: Sequence[str] = field(kw_only=False)

    def __post_init__(self) -> None:
        if not isinstance(self.values, str):
            object.__setattr__(self, "values", tuple(self.values))

    @property
    def rule(self) -> Rule:
        """What a value of this column must be."""
        return Rule(kind=self.kind, nullable=self.nullable, categories=tuple(self.values))

    def mistakes(self) -> Iterator[Mistake]:
        """An empty list, or one with anything but texts in it."""
        listed = not isinstance(self.values, str) and len(self.values) > 0
        if not listed or not all(isinstance(value, str) for value in self.values):
            yield Mistake(
                code="C115",
                what="the categories of a column are not a list of texts",
                expected="at least one text, such as il.Category(['brick', 'wood'])",
                got=repr(self.values),
                fix="list the texts that may occur",
            )
