"""Constraints on a source's columns: rows that break one are quarantined with the reason.

>>> Int(ge=5_000, unit="USD").rule.phrases
('must be a whole number', 'must be ≥ 5000')
>>> Category(["brick", "wood"], nullable=True).rule.categories
('brick', 'wood')
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from interlock.data.rule import Rule, contradiction
from interlock.errors import Mistake


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a source: its kind, its unit, and whether a value may be missing."""

    kind: ClassVar[str]

    unit: str = ""
    nullable: bool = False

    @property
    def rule(self) -> Rule:
        """What a value of this column must be."""
        return Rule(kind=self.kind, nullable=self.nullable)

    def mistakes(self) -> Iterator[Mistake]:
        """What is wrong with the declaration itself."""
        yield from ()

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        rule = self.rule
        return {
            "kind": self.kind,
            "unit": self.unit,
            "nullable": self.nullable,
            "bounds": [list(pair) for pair in rule.bounds],
            "categories": list(rule.categories),
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
    """Text. A CSV column declared so keeps its leading zeros."""

    kind: ClassVar[str] = "str"


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
