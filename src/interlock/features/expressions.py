"""SQL expressions of history statements: names, values, predicates, and how numbers leave them.

Invariants: sums are whole numbers, of billionths where the column holds floats, so that no order of
adding changes them and taking away undoes adding; a whole number leaves as the double nearest to
it; −0.0 is 0.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlglot import exp

from interlock.data.kinds import SQL_TYPES
from interlock.features.predicate import (
    Alternative,
    Comparison,
    Conjunction,
    Member,
    Missing,
    Negation,
    Predicate,
)

DIGITS = 9  # after the point in sums of floats
_EXACT = 2**53  # whole numbers up to here are doubles

_SIGNS: Mapping[str, type[exp.Binary]] = {
    "=": exp.EQ,
    "<>": exp.NEQ,
    "<": exp.LT,
    "<=": exp.LTE,
    ">": exp.GT,
    ">=": exp.GTE,
}


def column(name: str, table: str | None = None) -> exp.Column:
    """A quoted column."""
    return exp.column(name, table=table, quoted=True)


def named(expression: exp.Expr, name: str) -> exp.Expr:
    """The expression under a quoted name."""
    return exp.alias_(expression, name, quoted=True, copy=False)


def cast(expression: exp.Expr, kind: str) -> exp.Expr:
    """The expression as an SQL type."""
    return exp.cast(expression, kind, copy=False)


def paren(expression: exp.Expr) -> exp.Expr:
    """The expression in brackets."""
    return exp.paren(expression, copy=False)


def is_null(expression: exp.Expr) -> exp.Expr:
    """Whether there is no value."""
    return exp.Is(this=expression, expression=exp.null())


def not_null(expression: exp.Expr) -> exp.Expr:
    """Whether there is a value."""
    return exp.Not(this=is_null(expression))


def both(*conditions: exp.Expr) -> exp.Expr:
    """All conditions."""
    return exp.and_(*conditions, copy=False)


def whole(value: int) -> exp.Expr:
    """A whole number."""
    return exp.convert(value)


def plus(value: exp.Expr, number: int) -> exp.Expr:
    """value + number."""
    return paren(exp.Add(this=value, expression=paren(whole(number))))


def minus(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """left − right."""
    return paren(exp.Sub(this=left, expression=paren(right)))


def times(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """left · right."""
    return paren(exp.Mul(this=left, expression=right))


def over(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """left ÷ right, as doubles."""
    return paren(exp.Div(this=left, expression=right))


def int_div(value: exp.Expr, number: int) -> exp.Expr:
    """value // number, for value ≥ 0."""
    return value if number == 1 else exp.IntDiv(this=value, expression=whole(number))


def greatest(first: exp.Expr, *others: exp.Expr) -> exp.Expr:
    """The greatest of values that are not null."""
    if not others:
        return first
    return exp.Greatest(this=first, expressions=list(others), ignore_nulls=True)


def least(first: exp.Expr, *others: exp.Expr) -> exp.Expr:
    """The least of values that are not null."""
    return exp.Least(this=first, expressions=list(others), ignore_nulls=True)


def equal(name: str, left: str, right: str) -> exp.EQ:
    """The column of that name is the same in both tables."""
    return exp.EQ(this=column(name, left), expression=column(name, right))


def when(condition: exp.Expr | None, value: exp.Expr, otherwise: exp.Expr) -> exp.Expr:
    """CASE WHEN condition THEN value ELSE otherwise END; the value where there is no condition."""
    if condition is None:
        return value
    return exp.Case().when(condition, value, copy=False).else_(otherwise, copy=False)


def value_of(name: str, kind: str) -> exp.Expr:
    """A value of the source's row ``r``, −0.0 as 0.0."""
    found = column(name, "r")
    if kind != "float":
        return found
    zero = exp.EQ(this=column(name, "r"), expression=whole(0))
    return when(zero, cast(whole(0), "DOUBLE"), found)


def units_of(name: str, kind: str) -> exp.Expr:
    """A number of the source's row ``r`` as a whole number: of billionths where it is a float."""
    if kind != "float":
        return column(name, "r")
    scaled = times(column(name, "r"), cast(exp.Literal.string(f"1e{DIGITS}"), "DOUBLE"))
    return cast(exp.Round(this=scaled), "HUGEINT")


def double_of(number: exp.Expr, kind: str = "int") -> exp.Expr:
    """The double nearest to a whole number, or to a whole number of billionths (kind float)."""
    near = exp.Between(this=number.copy(), low=whole(-_EXACT), high=whole(_EXACT))
    exact: exp.Expr = cast(number.copy(), "DOUBLE")
    written: exp.Expr = cast(number.copy(), "VARCHAR")
    if kind == "float":
        exact = over(exact, cast(exp.Literal.string(f"1e{DIGITS}"), "DOUBLE"))
        written = exp.DPipe(this=written, expression=exp.Literal.string(f"e-{DIGITS}"), safe=True)
    return when(near, exact, cast(paren(written), "DOUBLE"))


def constant(value: Any, kind: str) -> exp.Expr:
    """A literal as a value of that kind; as text, for a bare 0.1 would be a decimal first."""
    if kind == "date" and isinstance(value, date):
        value = value.isoformat()
    return cast(exp.Literal.string(str(value)), SQL_TYPES[kind])


def condition(predicate: Predicate, kinds: Mapping[str, str]) -> exp.Expr:
    """The predicate on the source's row ``r``; ``kinds`` are its columns'."""
    match predicate:
        case Comparison(name, sign, value):
            right = constant(value, kinds[name])
            return _SIGNS[sign](this=column(name, "r"), expression=right)
        case Member(name, values):
            chosen = [constant(value, kinds[name]) for value in values]
            return exp.In(this=column(name, "r"), expressions=chosen)
        case Missing(name):
            return is_null(column(name, "r"))
        case Negation(part):
            return exp.Not(this=paren(condition(part, kinds)))
        case Conjunction(left, right):
            return paren(both(condition(left, kinds), condition(right, kinds)))
        case Alternative(left, right):
            return paren(exp.or_(condition(left, kinds), condition(right, kinds), copy=False))
