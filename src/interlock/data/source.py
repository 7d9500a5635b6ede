"""Sources: which rows to read, and what they are. Declaration only; reading is in ``data.read``.

>>> sales = Source("data/sales.parquet", key="sale_id", event_time="sold_on", available_after="1d")
>>> sales.name, sales.keys, sales.delay == 86_400_000_000
('sales', ('sale_id',), True)
>>> examples = sales.map(valued_on="sold_on")
>>> examples.column("valued_on"), examples.column("rooms")
('sold_on', 'rooms')
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from interlock.clock import parse_span, zone_named
from interlock.data.columns import Column
from interlock.errors import AuthorError, Mistake

if TYPE_CHECKING:
    from interlock.data.frame_checks import FrameChecks

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


def _here() -> str:
    """file:line of the first caller outside this module and the generated constructor."""
    depth = 1
    while True:
        frame = sys._getframe(depth)
        if frame.f_code.co_filename not in (__file__, "<string>"):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        depth += 1


@dataclass(frozen=True, eq=False)
class Source:
    """Rows of a Parquet or CSV file (a path, or a pattern of paths), or of a DuckDB query.

    ``key`` identifies a row. ``event_time`` is when it happened, and when it became known is either
    the column ``available_at`` or ``available_after`` the event; without either, the event itself.
    Dates are days in ``zone``. Relative paths start at the project's folder. A Pandera model or
    schema given as ``schema`` adds to ``columns`` what it says of columns not named there, and
    ``checks`` for what only Pandera can ask.
    """

    path: str | None = None
    sql: str | None = field(default=None, kw_only=True)
    key: str | tuple[str, ...] = field(kw_only=True)
    event_time: str | None = field(default=None, kw_only=True)
    available_after: str | None = field(default=None, kw_only=True)
    available_at: str | None = field(default=None, kw_only=True)
    columns: Mapping[str, Column] = field(default_factory=dict, kw_only=True)
    schema: Any = field(default=None, kw_only=True, repr=False)
    zone: str | None = field(default=None, kw_only=True)
    name: str = field(default="", kw_only=True)
    where: str = field(default_factory=_here, init=False, repr=False)
    checks: FrameChecks | None = field(default=None, init=False, repr=False)
    strict: bool = field(default=False, init=False, repr=False)
    _refused: tuple[Mistake, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        if self.schema is not None:
            self._adopt_schema()
        if not self.name:
            stem = PurePath(self.path).name.split(".")[0] if isinstance(self.path, str) else ""
            object.__setattr__(self, "name", re.sub(r"[^A-Za-z0-9_-]+", "_", stem) or "source")

    def _adopt_schema(self) -> None:
        """Take over what the schema says; what it cannot say here is among the mistakes."""
        try:
            from interlock.data.pandera_schema import translate  # noqa: PLC0415 - an extra
        except ImportError as error:
            object.__setattr__(self, "_refused", (_no_pandera(error),))
            return
        times = {name for name in (self.event_time, self.available_at) if name is not None}
        found = translate(self.schema, times=times)
        twice = sorted(set(found.columns) & set(self.columns))
        refused = found.mistakes + tuple(_declared_twice(name) for name in twice)
        object.__setattr__(self, "columns", {**found.columns, **self.columns})
        object.__setattr__(self, "checks", found.checks)
        object.__setattr__(self, "strict", found.strict)
        object.__setattr__(self, "_refused", refused)

    @property
    def keys(self) -> tuple[str, ...]:
        """The key's columns."""
        return (self.key,) if isinstance(self.key, str) else tuple(self.key)

    @property
    def delay(self) -> int:
        """How long after its event time a row becomes known; microseconds."""
        return parse_span(self.available_after) if self.available_after else 0

    @property
    def has_delay(self) -> bool:
        """Whether the source says when its rows become known."""
        return self.available_after is not None or self.available_at is not None

    @property
    def label(self) -> str:
        """How messages name the source: its path, or 'query' and its name."""
        return self.path if self.path is not None else f"query '{self.name}'"

    def map(self, **mapping: str) -> Examples:
        """The source's rows as examples of a request: request field = source column."""
        return Examples(source=self, mapping=dict(mapping))

    def mistakes(self) -> tuple[Mistake, ...]:
        """Everything that is wrong with the declaration, without reading a row."""
        return tuple(replace(m, where=self.where) for m in self._mistakes())

    def to_row(self) -> dict[str, Any]:
        """The declaration as plain JSON values."""
        return {
            "name": self.name,
            "path": self.path,
            "sql": self.sql,
            "key": list(self.keys),
            "event_time": self.event_time,
            "available_after": self.available_after,
            "available_at": self.available_at,
            "columns": {name: column.to_row() for name, column in sorted(self.columns.items())},
            "zone": self.zone,
            **({"strict": True} if self.strict else {}),
            **({"checks": self.checks.to_row(self.where)} if self.checks is not None else {}),
        }

    def _mistakes(self) -> Iterator[Mistake]:
        yield from self._refused
        if (self.path is None) == (self.sql is None):
            yield _contradiction(
                "a path or sql='…', not both", "neither" if self.path is None else "both"
            )
        if not self.keys or not all(isinstance(k, str) and k for k in self.keys):
            yield _contradiction("key='column' or key=('column', …)", repr(self.key))
        if not _NAME.fullmatch(self.name):
            yield _contradiction("a name of letters, digits, '_' and '-'", repr(self.name))
        if self.available_after is not None and self.available_at is not None:
            yield _contradiction("available_after or available_at, not both", "both")
        if self.event_time is None and self.has_delay:
            yield _contradiction("event_time='column' beside the availability", "no event_time")
        for read in (lambda: self.delay, lambda: self.zone and zone_named(self.zone)):
            try:
                read()
            except AuthorError as error:
                yield from error.mistakes
        for column in self.columns.values():
            yield from column.mistakes()


@dataclass(frozen=True, eq=False, kw_only=True)
class Examples:
    """A source's rows as examples; fields not in ``mapping`` are columns of the same name."""

    source: Source
    mapping: Mapping[str, str]

    def column(self, name: str) -> str:
        """The source column of a request field."""
        return self.mapping.get(name, name)


def _contradiction(expected: str, got: str) -> Mistake:
    return Mistake(
        code="D106",
        what="a source's declaration contradicts itself",
        expected=expected,
        got=got,
        fix="correct the il.Source declaration",
    )


def _declared_twice(column: str) -> Mistake:
    return Mistake(
        code="C117",
        what="a column is declared by the schema and by columns=…",
        expected="one declaration a column",
        got=f"'{column}' twice",
        fix="declare it in one of the two",
    )


def _no_pandera(error: ImportError) -> Mistake:
    return Mistake(
        code="C117",
        what="schema=… of a source needs Pandera",
        expected="the extra interlock[pandera] in this environment",
        got=str(error),
        fix="install interlock[pandera], or declare columns={…}",
    )
