"""Which rows an aggregate counts, as a predicate: what ``where=`` is read into.

A row counts where the predicate is true; where a missing value leaves it unknown, it does not.

Invariants: the canonical text of a predicate, parsed again, is the same predicate; literals are of
their column's kind, so that no engine has to guess how to compare them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

Literal = bool | int | float | str | date

_KINDS: Mapping[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "str": (str,),
    "category": (str,),
    "date": (date,),
}


@dataclass(frozen=True)
class Comparison:
    """The column, =, <>, <, <=, > or >=, and what it is compared with."""

    column: str
    sign: str
    value: Literal


@dataclass(frozen=True)
class Member:
    """The column is one of the values."""

    column: str
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class Missing:
    """The column has no value."""

    column: str


@dataclass(frozen=True)
class Negation:
    """The part is false."""

    part: Predicate


@dataclass(frozen=True)
class Conjunction:
    """Both parts are true."""

    left: Predicate
    right: Predicate


@dataclass(frozen=True)
class Alternative:
    """One part at least is true."""

    left: Predicate
    right: Predicate


Predicate = Comparison | Member | Missing | Negation | Conjunction | Alternative


def text(predicate: Predicate) -> str:
    """The canonical text, in standard SQL."""
    match predicate:
        case Comparison(column, sign, value):
            return f"{_quoted(column)} {sign} {_literal_text(value)}"
        case Member(column, values):
            return f"{_quoted(column)} IN ({', '.join(map(_literal_text, values))})"
        case Missing(column):
            return f"{_quoted(column)} IS NULL"
        case Negation(part):
            return f"NOT ({text(part)})"
        case Conjunction(left, right):
            return f"{_grouped(left, Alternative)} AND {_grouped(right, Alternative, Conjunction)}"
        case Alternative(left, right):
            return f"{_grouped(left, Conjunction)} OR {_grouped(right, Conjunction, Alternative)}"


def columns_of(predicate: Predicate) -> frozenset[str]:
    """The columns that the predicate looks at."""
    match predicate:
        case Comparison() | Member() | Missing():
            return frozenset((predicate.column,))
        case Negation(part):
            return columns_of(part)
        case Conjunction(left, right) | Alternative(left, right):
            return columns_of(left) | columns_of(right)


def typed(predicate: Predicate, kinds: Mapping[str, str]) -> Predicate:
    """The predicate with texts compared with a date column read as dates.

    Texts that are no dates stay texts, which :func:`problems` reports.
    """

    def read(column: str, value: Literal) -> Literal:
        if kinds.get(column) != "date" or not isinstance(value, str):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            return value

    return _mapped(predicate, read)


def problems(predicate: Predicate, kinds: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with the predicate on columns of these kinds."""
    match predicate:
        case Negation(part):
            yield from problems(part, kinds)
        case Conjunction(left, right) | Alternative(left, right):
            yield from problems(left, kinds)
            yield from problems(right, kinds)
        case Comparison() | Member() | Missing():
            kind = kinds.get(predicate.column)
            if kind is None:
                yield f"the column '{predicate.column}', which is not there"
            elif kind not in _KINDS:
                yield f"the column '{predicate.column}', which is a {kind}"
            else:
                yield from _misfits(predicate, kind)


def _misfits(predicate: Comparison | Member | Missing, kind: str) -> Iterator[str]:
    values: tuple[Literal, ...] = ()
    if isinstance(predicate, Comparison):
        values = (predicate.value,)
    elif isinstance(predicate, Member):
        values = predicate.values
    for value in values:
        if type(value) not in _KINDS[kind]:
            yield f"'{predicate.column}' ({kind}) beside {_literal_text(value)}"


def _mapped(predicate: Predicate, read: Callable[[str, Literal], Literal]) -> Predicate:
    match predicate:
        case Comparison(column, sign, value):
            return Comparison(column, sign, read(column, value))
        case Member(column, values):
            return Member(column, tuple(read(column, value) for value in values))
        case Missing():
            return predicate
        case Negation(part):
            return Negation(_mapped(part, read))
        case Conjunction(left, right):
            return Conjunction(_mapped(left, read), _mapped(right, read))
        case Alternative(left, right):
            return Alternative(_mapped(left, read), _mapped(right, read))


def _grouped(part: Predicate, *within: type[Predicate]) -> str:
    return f"({text(part)})" if isinstance(part, within) else text(part)


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _literal_text(value: Literal) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)
