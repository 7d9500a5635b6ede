"""The small language of ``where=``: which rows an aggregate counts.

A comparison of a column with a literal (``=``, ``<>``, ``<``, ``<=``, ``>``, ``>=``), ``IN (…)``,
``BETWEEN … AND …``, ``IS NULL``, a boolean column by itself, and these joined by AND, OR, NOT.
What it says is a :mod:`interlock.features.predicate`.

>>> from interlock.features.predicate import problems, text
>>> predicate = parse_where("late and (15 < delay or carrier in ('AA', 'B6'))")
>>> text(predicate)
'"late" = TRUE AND ("delay" > 15 OR "carrier" IN (\\'AA\\', \\'B6\\'))'
>>> list(problems(predicate, {"late": "bool", "delay": "int"}))
["the column 'carrier', which is not there"]
"""

from __future__ import annotations

import math
import re
from datetime import date

from interlock.features.predicate import (
    Alternative,
    Comparison,
    Conjunction,
    Literal,
    Member,
    Missing,
    Negation,
    Predicate,
)

_SPELLINGS = {s: s for s in ("=", "<>", "<", "<=", ">", ">=")} | {"==": "=", "!=": "<>"}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
_WORDS = frozenset("AND OR NOT IN BETWEEN IS NULL TRUE FALSE".split())
_NAME = re.compile(r"[^\W\d]\w*")
_TOKEN = re.compile(
    r"""\s*( "(?:[^"]|"")+" | '(?:[^']|'')*' | [^\W\d]\w*
    | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]) | <= | >= | <> | != | == | [=<>(),-] )""",
    re.VERBOSE,
)
_WIDEST = 2**63  # whole numbers beyond it have no column


class NotUnderstood(ValueError):  # noqa: N818 - becomes a Mistake
    """Part of the text is outside the language; the message is that part."""


def parse_where(where: str) -> Predicate:
    """The predicate of a text. Raises NotUnderstood with the part that it cannot be read at."""
    parser = _Parser(where)
    found = parser.alternative()
    if parser.part:
        raise NotUnderstood(parser.rest)
    return found


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
