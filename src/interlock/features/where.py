"""The small language of ``where=``: which rows an aggregate counts.

A comparison of a column with a literal (``=``, ``<>``, ``<``, ``<=``, ``>``, ``>=``), ``IN (…)``,
``BETWEEN … AND …``, ``IS NULL``, a boolean column by itself, and these joined by AND, OR, NOT.
A row counts where the predicate is true; where a missing value leaves it unknown, it does not.

Invariants: the canonical text of a predicate, parsed again, is the same predicate; literals are of
their column's kind, so that no engine has to guess how to compare them.

>>> predicate = parse_where("late and (15 < delay or carrier in ('AA', 'B6'))")
>>> text(predicate)
'"late" = TRUE AND ("delay" > 15 OR "carrier" IN (\\'AA\\', \\'B6\\'))'
>>> list(problems(predicate, {"late": "bool", "delay": "int"}))
["the column 'carrier', which is not there"]
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

Literal = bool | int | float | str | date

_SPELLINGS = {s: s for s in ("=", "<>", "<", "<=", ">", ">=")} | {"==": "=", "!=": "<>"}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
_KINDS: Mapping[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "str": (str,),
    "category": (str,),
    "date": (date,),
}
_WORDS = frozenset("AND OR NOT IN BETWEEN IS NULL TRUE FALSE".split())
_NAME = re.compile(r"[^\W\d]\w*")
_TOKEN = re.compile(
    r"""\s*( "(?:[^"]|"")+" | '(?:[^']|'')*' | [^\W\d]\w*
    | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]) | <= | >= | <> | != | == | [=<>(),-] )""",
    re.VERBOSE,
)
_WIDEST = 2**63  # whole numbers beyond it have no column


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


class NotUnderstood(ValueError):  # noqa: N818 - becomes a Mistake
    """Part of the text is outside the language; the message is that part."""


def parse_where(where: str) -> Predicate:
    """The predicate of a text. Raises NotUnderstood with the part that it cannot be read at."""
    parser = _Parser(where)
    found = parser.alternative()
    if parser.part:
        raise NotUnderstood(parser.rest)
    return found


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


class _Parser:
    """Recursive descent, one method a level; ``part`` is the next token, '' at the end."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._place = 0
        self.part = ""
        self._next()

    @property
    def rest(self) -> str:
        """The text from the next token on."""
        return self._where[self._place - len(self.part) :] or "its end"

    def alternative(self) -> Predicate:
        found = self._conjunction()
        while self._takes("OR"):
            found = Alternative(found, self._conjunction())
        return found

    def _conjunction(self) -> Predicate:
        found = self._negation()
        while self._takes("AND"):
            found = Conjunction(found, self._negation())
        return found

    def _negation(self) -> Predicate:
        if self._takes("NOT"):
            return Negation(self._negation())
        if self._takes("("):
            found = self.alternative()
            self._must(")")
            return found
        return self._comparison()

    def _comparison(self) -> Predicate:
        if not self._names_a_column():
            value, sign = self._literal(), self._sign()
            if sign is None or not self._names_a_column():
                raise NotUnderstood(self.rest)
            return Comparison(self._column(), _MIRRORED[sign], value)
        column = self._column()
        sign = self._sign()
        if sign is not None:
            return Comparison(column, sign, self._literal())
        if self._takes("IS"):
            negated = self._takes("NOT")
            self._must("NULL")
            return Negation(Missing(column)) if negated else Missing(column)
        negated = self._takes("NOT")
        found = self._range_or_list(column, negated)
        return Negation(found) if negated else found

    def _range_or_list(self, column: str, negated: bool) -> Predicate:
        if self._takes("BETWEEN"):
            low = self._literal()
            self._must("AND")
            return Conjunction(
                Comparison(column, ">=", low), Comparison(column, "<=", self._literal())
            )
        if self._takes("IN"):
            self._must("(")
            values = [self._literal()]
            while self._takes(","):
                values.append(self._literal())
            self._must(")")
            return Member(column, tuple(values))
        if negated:
            raise NotUnderstood(self.rest)
        return Comparison(column, "=", True)

    def _names_a_column(self) -> bool:
        if self.part.startswith('"'):
            return True
        dated = self.part.upper() == "DATE" and self._where[self._place :].lstrip()[:1] == "'"
        return bool(_NAME.fullmatch(self.part)) and not dated and self.part.upper() not in _WORDS

    def _column(self) -> str:
        name = self._taken()
        return name[1:-1].replace('""', '"') if name.startswith('"') else name

    def _sign(self) -> str | None:
        return _SPELLINGS[self._taken()] if self.part in _SPELLINGS else None

    def _literal(self) -> Literal:
        if self._takes("TRUE"):
            return True
        if self._takes("FALSE"):
            return False
        if self._takes("-"):
            return -self._number()
        if self._takes("DATE"):
            return self._date()
        if self.part.startswith("'"):
            return self._taken()[1:-1].replace("''", "'")
        return self._number()

    def _number(self) -> int | float:
        if not self.part[:1].isdigit() and not self.part.startswith("."):
            raise NotUnderstood(self.rest)
        value = int(self.part) if self.part.isdigit() else float(self.part)
        if value >= (_WIDEST if isinstance(value, int) else math.inf):
            raise NotUnderstood(self.rest)
        self._next()
        return value

    def _date(self) -> date:
        try:
            found = date.fromisoformat(self.part[1:-1])
        except ValueError:
            raise NotUnderstood(self.rest) from None
        self._next()
        return found

    def _takes(self, word: str) -> bool:
        if self.part.upper() != word:
            return False
        self._next()
        return True

    def _must(self, word: str) -> None:
        if not self._takes(word):
            raise NotUnderstood(self.rest)

    def _taken(self) -> str:
        part = self.part
        self._next()
        return part

    def _next(self) -> None:
        found = _TOKEN.match(self._where, self._place)
        if found is None:
            rest = self._where[self._place :].strip()
            if rest:
                raise NotUnderstood(rest)
            self.part = ""
            self._place = len(self._where)
        else:
            self.part = found[1]
            self._place = found.end()


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
