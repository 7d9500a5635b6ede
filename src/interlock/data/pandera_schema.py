"""A Pandera schema as a source's own column declarations, and what is left for Pandera to check.

What both can say becomes a column declaration (types, missing or not, bounds, closed lists,
lengths, patterns that match to the end, uniqueness), so that it reads and counts like any other.
Checks that only Pandera knows are kept and run on the rows. What would change values, or asks for
something that rows cannot be held to, is refused with the reason. A check that only warns is no
rule and is left out.

Pandera is an extra; this module is imported where a schema is given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandera.dtypes as kinds
import pandera.pandas as pandera
from pandera.engines import pandas_engine

from interlock.data.columns import Bool, Category, Column, Date, Datetime, Float, Int, Str
from interlock.data.frame_checks import FrameChecks
from interlock.errors import Mistake

_LOWER = {"greater_than_or_equal_to": "ge", "greater_than": "gt"}
_UPPER = {"less_than_or_equal_to": "le", "less_than": "lt"}


@dataclass(frozen=True, kw_only=True)
class Translated:
    """``checks`` are run on rows by Pandera; ``strict`` says that no other column may be there."""

    columns: Mapping[str, Column]
    checks: FrameChecks | None
    strict: bool
    mistakes: tuple[Mistake, ...]


def translate(declared: Any, *, times: Collection[str] = ()) -> Translated:
    """From a DataFrameModel or a DataFrameSchema of Pandera's for pandas.

    ``times`` are columns that the source reads as instants by rules of its own: their type is not
    looked at.

    >>> class Sale(pandera.DataFrameModel):
    ...     price: int = pandera.Field(ge=5_000, metadata={"unit": "USD"})
    ...     wall: str = pandera.Field(isin=["brick", "wood"], nullable=True)
    >>> found = translate(Sale)
    >>> found.columns["price"]
    Int(unit='USD', nullable=False, unique=False, ge=5000, gt=None, le=None, lt=None)
    >>> found.columns["wall"].rule.categories, found.checks
    (('brick', 'wood'), None)
    """
    schema = _schema(declared)
    if isinstance(schema, Mistake):
        return Translated(columns={}, checks=None, strict=False, mistakes=(schema,))
    mistakes = [_refused(what, fix) for what, fix in _unheld(schema)]
    columns: dict[str, Column] = {}
    left: dict[str, Any] = {}
    for name, column in schema.columns.items():
        made, rest = _column(column, is_time=name in times)
        mistakes += [
            _refused(f"column '{name}' {what}", fix)
            for what, fix in _odd(column, made, is_time=name in times)
        ]
        if made is not None:
            columns[name] = made
        if rest or (made is None and name not in times):
            left[name] = _rest(column, made, rest)
    whole = [check for check in schema.checks if not check.raise_warning]
    checks = None
    if (left or whole) and not mistakes:
        frame = pandera.DataFrameSchema(left, checks=whole)
        checks = FrameChecks(schema=frame, columns=tuple(left), whole=bool(whole))
    return Translated(
        columns=columns, checks=checks, strict=schema.strict is True, mistakes=tuple(mistakes)
    )


def _schema(declared: Any) -> Any:
    """The schema, or what is wrong with what was given instead."""
    if isinstance(declared, type) and issubclass(declared, pandera.DataFrameModel):
        return declared.to_schema()
    if isinstance(declared, pandera.DataFrameSchema):
        return declared
    return Mistake(
        code="C117",
        what="schema=… of a source is no Pandera schema for pandas",
        expected="a pandera.DataFrameModel or a pandera.DataFrameSchema (from pandera.pandas)",
        got=repr(declared)[:80],
        fix="declare the schema with pandera.pandas, or give columns={…}",
    )


def _refused(what: str, fix: str) -> Mistake:
    return Mistake(
        code="C117",
        what="a Pandera schema asks for what rows of a source cannot be held to",
        expected="types, nullable, unique, and checks that say yes or no of a row",
        got=what,
        fix=fix,
    )


def _unheld(schema: Any) -> Iterator[tuple[str, str]]:
    """(what the schema as a whole asks for, what to do instead)."""
    if schema.index is not None:
        yield "an index", "declare the column, and name it as key if it identifies the row"
    if schema.unique:
        yield f"unique={schema.unique}: several columns together", "name them as the source's key"
    if schema.ordered:
        yield "ordered=True", "leave it out: the order of columns means nothing in a source"
    if schema.parsers:
        yield "parsers, which change values", "mend the values at the source, or in sql='SELECT …'"
    if schema.add_missing_columns:
        yield "add_missing_columns=True", "leave it out: nothing is made up"


def _odd(column: Any, made: Column | None, *, is_time: bool) -> Iterator[tuple[str, str]]:
    """(what a column asks for, what to do instead)."""
    if column.regex:
        yield "is a pattern of names", "name each column"
    if not column.required:
        yield "may be absent", "leave it out of the schema, or require it"
    if column.default is not None:
        yield "has a default, which fills gaps", "let it be nullable; a feature may fill the gap"
    if column.parsers:
        yield "has parsers, which change values", "mend the values at the source"
    if column.unique and made is None:
        yield "is unique and has no type that is known here", "give it the type int or str"
    naive = column.dtype is not None and kinds.is_datetime(column.dtype) and not _zone(column.dtype)
    if naive and not is_time:
        yield "has times without a zone", "use pandas_engine.DateTime(tz='UTC'), or Date for days"


def _column(column: Any, *, is_time: bool) -> tuple[Column | None, list[Any]]:
    """(the declaration, or None for a type that is not known here; the checks not in it)."""
    checks = [check for check in column.checks if not check.raise_warning]
    kind = None if is_time or column.dtype is None else _kind(column.dtype)
    if kind is None:
        return None, checks
    told: dict[str, Any] = {"ge": 0} if kinds.is_uint(column.dtype) else {}
    values = list(column.dtype.categories) if kind is Category else None
    rest = []
    for check in checks:
        statistics = check.statistics or {}
        found = _told(kind, check.name, statistics) if check.ignore_na else None
        if found is not None and "values" in found and values is None and not told:
            kind, values = Category, found["values"]
        elif (
            found and "values" not in found and kind is not Category and not set(found) & set(told)
        ):
            told |= found
        else:
            rest.append(check)
    common = {
        "unit": str((column.metadata or {}).get("unit", "")),
        "nullable": column.nullable,
        "unique": column.unique,
    }
    if kind is Category:
        return Category(values or [], **common), rest
    return kind(**told, **common), rest


def _kind(dtype: Any) -> type[Column] | None:
    """The declaration for a Pandera type; None where there is none."""
    if isinstance(dtype, pandas_engine.Date):
        return Date
    if kinds.is_datetime(dtype):
        return Datetime
    if kinds.is_category(dtype):
        if dtype.categories is None:
            return Str
        return Category if all(isinstance(v, str) for v in dtype.categories) else None
    for test, kind in (
        (kinds.is_bool, Bool),
        (kinds.is_int, Int),
        (kinds.is_float, Float),
        (kinds.is_string, Str),
    ):
        if test(dtype):
            return kind
    return None


def _told(kind: type[Column], name: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a check of Pandera's own asks for, as arguments of the declaration; None for others."""
    if kind in (Int, Float):
        found = _bounds(name, given)
        plain = all(isinstance(v, int | float) and not isinstance(v, bool) for v in found.values())
        return found if found and plain else None
    if kind is not Str:
        return None
    if name == "isin" and all(isinstance(v, str) for v in given.get("allowed_values", [None])):
        return {"values": list(given["allowed_values"])}
    if name == "str_length":
        exact = given.get("exact_value")
        ends = (exact, exact) if exact is not None else (given["min_value"], given["max_value"])
        pairs = zip(("min_length", "max_length"), ends, strict=True)
        return {end: value for end, value in pairs if value is not None}
    if name == "str_matches" and _ends(given.get("pattern")):
        return {"matches": given["pattern"]}
    return None


def _bounds(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    if name in _LOWER and "min_value" in given:
        return {_LOWER[name]: given["min_value"]}
    if name in _UPPER and "max_value" in given:
        return {_UPPER[name]: given["max_value"]}
    if name == "equal_to" and "value" in given:
        return {"ge": given["value"], "le": given["value"]}
    if name == "in_range" and {"min_value", "max_value"} <= set(given):
        low = "ge" if given.get("include_min", True) else "gt"
        high = "le" if given.get("include_max", True) else "lt"
        return {low: given["min_value"], high: given["max_value"]}
    return {}


def _ends(pattern: Any) -> bool:
    """Whether matching from the start, as Pandera does, is matching the whole text."""
    if not isinstance(pattern, str) or "|" in pattern:
        return False
    return pattern.endswith("$") and not pattern.endswith("\\$")


def _zone(dtype: Any) -> bool:
    return getattr(dtype, "tz", None) is not None


def _rest(column: Any, made: Column | None, checks: list[Any]) -> Any:
    """The column with the checks that are left, for Pandera, in the type declared.

    Whole numbers and booleans with gaps have no plain type of their own: they are checked as they
    come.
    """
    gaps = column.nullable and column.dtype is not None
    loose = gaps and (kinds.is_int(column.dtype) or kinds.is_bool(column.dtype))
    return pandera.Column(
        None if loose else column.dtype,
        checks=checks,
        nullable=column.nullable,
        coerce=not loose and column.dtype is not None,
    )
