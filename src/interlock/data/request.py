"""The request as pure data: the fields that a consumer sends, and all that a model may see.

>>> built = Field(name="built", kind="int", optional=True, ge=1800)
>>> schema = RequestSchema(name="House", fields=(built,))
>>> RequestSchema.from_row(schema.to_row()) == schema
True
>>> schema.asked_at is None
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from interlock.clock import instant_of
from interlock.data.rule import MAX_TEXT, Rule


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a request. ``tolerance`` (microseconds) and ``zone`` belong to the time field.

    ``model_input`` is never true of a date or datetime: the model sees features made of it.
    """

    name: str
    kind: str
    optional: bool = False
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    unit: str = ""
    description: str = ""
    categories: tuple[str, ...] = ()
    zone: str | None = None
    tolerance: int | None = None
    asked_at: bool = False
    model_input: bool = True

    @property
    def rule(self) -> Rule:
        """What a value of this field must be."""
        return Rule(
            kind=self.kind,
            nullable=self.optional,
            ge=self.ge,
            gt=self.gt,
            le=self.le,
            lt=self.lt,
            categories=self.categories,
            max_text=MAX_TEXT if self.kind == "str" else None,
            zone=self.zone,
        )

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {"categories": list(self.categories)}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Field:
        """The inverse of :meth:`to_row`."""
        return cls(**{**row, "categories": tuple(row["categories"])})


@dataclass(frozen=True, kw_only=True)
class RequestSchema:
    """A request class as pure data, its fields in the order of declaration."""

    name: str
    fields: tuple[Field, ...]

    @property
    def asked_at(self) -> Field | None:
        """The field that holds the prediction time, if one is declared."""
        return next((f for f in self.fields if f.asked_at), None)

    def field(self, name: str) -> Field:
        """The field of that name; raises KeyError when there is none."""
        for found in self.fields:
            if found.name == name:
                return found
        raise KeyError(name)

    def instant(self, asked: date | datetime) -> int:
        """The instant (µs) of a value of the field that holds the prediction time."""
        return instant_of(asked, zone=self.asked_at.zone if self.asked_at else None)

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"name": self.name, "fields": [f.to_row() for f in self.fields]}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> RequestSchema:
        """The inverse of :meth:`to_row`."""
        return cls(name=row["name"], fields=tuple(Field.from_row(f) for f in row["fields"]))
