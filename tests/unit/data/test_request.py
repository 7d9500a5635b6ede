"""Declared requests: what is read from a class, and every mistake at once."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal, Optional

import pytest

from interlock.clock import DAY
from interlock.data.request import Field, RequestSchema
from interlock.data.request_class import Request, asked_at, field, request_schema
from interlock.errors import AuthorError

FILE = __file__


class House(Request):
    """Annotations here are strings: the file imports annotations from __future__."""

    valued_on: date = asked_at(zone="America/New_York", tolerance="1d")
    year_built: int = field(ge=1800, unit="year", description="when it was built")
    stories: Literal["one", "two"]
    easting_m: float
    garage_sqft: int | None = None
    note: Optional[str] = field(model_input=False)  # noqa: UP045
    sold_before: bool
    seen_at: datetime | None


class BiggerHouse(House):
    rooms: int


def mistakes_of(cls: type[Request]) -> list[tuple[str, str]]:
    with pytest.raises(AuthorError) as caught:
        request_schema(cls)
    return [(m.code, m.where.rpartition(", ")[2]) for m in caught.value.mistakes]


def test_fields_are_read_in_the_order_of_declaration() -> None:
    assert request_schema(House) == RequestSchema(
        name="House",
        fields=(
            Field(
                name="valued_on",
                kind="date",
                zone="America/New_York",
                tolerance=DAY,
                asked_at=True,
                model_input=False,
            ),
            Field(
                name="year_built", kind="int", ge=1800, unit="year", description="when it was built"
            ),
            Field(name="stories", kind="category", categories=("one", "two")),
            Field(name="easting_m", kind="float"),
            Field(name="garage_sqft", kind="int", optional=True),
            Field(name="note", kind="str", optional=True, model_input=False),
            Field(name="sold_before", kind="bool"),
            Field(name="seen_at", kind="datetime", optional=True, model_input=False),
        ),
    )


def test_a_subclass_adds_its_fields_after_the_inherited_ones() -> None:
    names = [f.name for f in request_schema(BiggerHouse).fields]
    assert names == [*(f.name for f in request_schema(House).fields), "rooms"]


def test_the_schema_survives_json() -> None:
    schema = request_schema(House)
    assert RequestSchema.from_row(schema.to_row()) == schema
    assert schema.field("stories").categories == ("one", "two")
    with pytest.raises(KeyError):
        schema.field("price")


def test_a_local_class_sees_the_names_around_it() -> None:
    wall = Literal["brick", "wood"]

    class Local(Request):
        exterior: wall

    assert request_schema(Local).field("exterior").categories == ("brick", "wood")


def test_every_mistake_is_reported_at_once() -> None:
    class Wrong(Request):
        first: date = asked_at(zone="UTC")
        second: datetime | None = asked_at(zone="Mars/Base", tolerance="soon")
        third: date = asked_at()
        as_of: int
        _hidden: int
        many: list[int]
        either: int | str
        unknown: NoSuchType  # type: ignore[name-defined]  # noqa: F821
        numbers: Literal[1, 2]
        low: int = field(ge=5, lt=5)
        both: float = field(ge=1, gt=2)
        text: str = field(ge=1)
        three: int = 3
        none: int = None  # type: ignore[assignment]

    assert mistakes_of(Wrong) == [
        ("C113", "Wrong.second"),
        ("C103", "Wrong.second"),
        ("C102", "Wrong.second"),
        ("C105", "Wrong.third"),
        ("C111", "Wrong.as_of"),
        ("C111", "Wrong._hidden"),
        ("C110", "Wrong.many"),
        ("C110", "Wrong.either"),
        ("C110", "Wrong.unknown"),
        ("C110", "Wrong.numbers"),
        ("C112", "Wrong.low"),
        ("C112", "Wrong.both"),
        ("C112", "Wrong.text"),
        ("C114", "Wrong.three"),
        ("C114", "Wrong.none"),
        ("C113", "Wrong"),
    ]


def test_a_mistake_says_what_where_expected_got_and_fix() -> None:
    class Wrong(Request):
        rooms: complex

    with pytest.raises(AuthorError) as caught:
        request_schema(Wrong)
    where = caught.value.mistakes[0].where
    assert where.startswith(f"{FILE}:")
    assert str(caught.value) == (
        "error[C110]: a request field has a type that cannot be sent\n"
        f"  where: {where}\n"
        "  expected: int, float, str, bool, date, datetime or Literal['…', …], "
        "each also with '| None'\n"
        "  got: complex\n"
        "  fix: annotate the field with one of these types"
    )


def test_where_is_the_line_of_the_class_statement() -> None:
    class Here(Request):
        rooms: int

    assert Here.declared_at() == f"{FILE}:{HERE}"


HERE = test_where_is_the_line_of_the_class_statement.__code__.co_firstlineno + 1


def test_a_request_without_fields_is_a_mistake() -> None:
    class Empty(Request):
        pass

    assert mistakes_of(Empty) == [("C110", "Empty")]


@pytest.mark.parametrize("bound", [float("nan"), float("inf"), True, "5"])
def test_a_bound_is_a_finite_number(bound: Any) -> None:
    class Wrong(Request):
        rooms: int = field(ge=bound)

    assert mistakes_of(Wrong) == [("C112", "Wrong.rooms")]
