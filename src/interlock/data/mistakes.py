"""What can be wrong with a source, in words: one function a mistake.

>>> print(unknown_column("prise", ["price", "sold_on"], where="data/sales.parquet", use="target"))
error[D103]: there is no column 'prise'
  where: data/sales.parquet
  expected: one of price, sold_on
  got: 'prise' (target)
  fix: did you mean 'price'?
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from interlock.data.conform import NAIVE
from interlock.errors import Mistake

_LISTED = 40  # columns named in a message

_EXPECTED = {
    "int": "whole numbers",
    "float": "numbers",
    "str": "text",
    "category": "text",
    "bool": "true or false",
    "date": "dates",
    "datetime": "timestamps with a zone, or ISO 8601 text with an offset",
}


def unknown_column(column: str, columns: Sequence[str], *, where: str, use: str) -> Mistake:
    """D103: a name that is not among the source's columns, and the nearest one that is."""
    near = difflib.get_close_matches(column, columns, 1)
    more = f" and {len(columns) - _LISTED} more" if len(columns) > _LISTED else ""
    return Mistake(
        code="D103",
        what=f"there is no column '{column}'",
        where=where,
        expected=f"one of {', '.join(list(columns)[:_LISTED])}{more}",
        got=f"'{column}' ({use})",
        fix=f"did you mean '{near[0]}'?" if near else "correct the name, or add the column",
    )


def not_in_schema(column: str, *, where: str) -> Mistake:
    """D114: a column that a strict schema does not know."""
    return Mistake(
        code="D114",
        what="a source has a column that its schema does not know",
        where=where,
        expected="the schema's columns and no other (strict)",
        got=f"'{column}'",
        fix="add the column to the schema, or leave out strict",
    )


def wrong_type(column: str, kind: str, problem: str, *, where: str) -> Mistake:
    """D105 for timestamps without a zone, else D104: a column whose type cannot be the kind."""
    if problem == NAIVE:
        return Mistake(
            code="D105",
            what=f"the timestamps in column '{column}' have no time zone",
            where=where,
            expected="timestamps with a zone, such as TIMESTAMP WITH TIME ZONE in UTC",
            got=problem,
            fix="store them with a zone; in SQL: "
            f"{column} AT TIME ZONE 'America/New_York' AS {column}",
        )
    return Mistake(
        code="D104",
        what=f"column '{column}' has the wrong type",
        where=where,
        expected=_EXPECTED[kind],
        got=problem,
        fix=f"convert the column, or declare '{column}' as what it is",
    )


def not_a_key(column: str, found: str, *, where: str) -> Mistake:
    """D104: a key column of a type that cannot identify a row."""
    return Mistake(
        code="D104",
        what=f"column '{column}' cannot be a key",
        where=where,
        expected="whole numbers, text, dates, booleans or timestamps with a zone",
        got=found,
        fix="name the column, or the tuple of columns, that identifies a row",
    )


def not_a_time(column: str, found: str, *, where: str) -> Mistake:
    """D105 for timestamps without a zone, else D104: a column that is no point in time."""
    if found == NAIVE:
        return wrong_type(column, "datetime", found, where=where)
    return Mistake(
        code="D104",
        what=f"column '{column}' is not a time",
        where=where,
        expected="dates, timestamps with a zone, or ISO 8601 text with an offset",
        got=found,
        fix="name the column that says when a row happened or became known",
    )


def no_zone(column: str, *, where: str) -> Mistake:
    """C105: dates without a zone to read them in."""
    return Mistake(
        code="C105",
        what="a date needs a zone to be an instant",
        where=where,
        expected="zone='…' on the source or on il.asked_at",
        got=f"dates in column '{column}'",
        fix="declare the zone, for example zone='UTC'",
    )


def reserved_column(column: str, *, where: str) -> Mistake:
    """D107: a column whose name Interlock keeps for itself."""
    return Mistake(
        code="D107",
        what=f"column '{column}' has a name that is kept for Interlock",
        where=where,
        expected="column names that do not start with '__', each once",
        got=f"'{column}'",
        fix="rename the column",
    )
