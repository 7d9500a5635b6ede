"""The online store's port: values looked up by a typed key, one table for a view and grid point.

Invariants, held by every implementation and proven by one contract suite:
- A table appears whole or not at all; who dies while writing leaves nothing that is ever read.
- The current grid point is switched at once, and only to a table that is there. Readers never
  lock, and never wait for a writer.
- Keys keep their types: the text '1', the number 1 and true never meet. A key with a missing part,
  or one that cannot be stored, is in no table.
- *No such key* is None; *no table to look in* is :class:`Unavailable`. One is never the other.
- All that one request asks for is one :meth:`OnlineReader.read`.

``store.online_sqlite`` keeps a file a table, ``store.online_redis`` a hash; ``store.online_place``
chooses by the URL's scheme.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple, Protocol

import msgspec

from interlock.digest import canonical_json
from interlock.errors import StoreError

FORMAT = 1

Columns = Sequence[tuple[str, str]]  # (name, kind)
Key = tuple[Any, ...]
Ask = tuple[str, int | None, Key]  # (view, grid point or None for the current one, key)

_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "str": (str,),
    "category": (str,),
    "date": (date,),
}
_DECODERS: dict[str, Callable[[Any], Any]] = {"bool": bool, "date": date.fromisoformat}
_MOST, _LEAST = 2**63 - 1, -(2**63)


class Unavailable(StoreError):  # noqa: N818 - a state of the store, as the glossary names it
    """There is no table to look in: none refreshed, lost or damaged, or the store is down."""


class Found(NamedTuple):
    """What one look-up gave: values is None for a key that is not in the table.

    ``digest`` is of the definition that the table's values were made by.
    """

    grid: int
    digest: str
    values: tuple[Any, ...] | None


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """What a table says of itself. ``source`` names the rows its values were computed from."""

    view: str
    grid: int
    digest: str
    rows: int
    key: tuple[tuple[str, str], ...]
    values: tuple[tuple[str, str], ...]
    source: str = ""
    format: int = FORMAT

    @classmethod
    def begun(
        cls, view: str, grid: int, *, key: Columns, values: Columns, digest: str, source: str
    ) -> Table:
        """A table of which no row is written yet."""
        return cls(
            view=view,
            grid=grid,
            digest=digest,
            source=source,
            rows=0,
            key=tuple((name, kind) for name, kind in key),
            values=tuple((name, kind) for name, kind in values),
        )


class OnlineReader(Protocol):
    """Looks up; for one thread at a time."""

    def read(self, asked: Sequence[Ask]) -> list[Found]:
        """One answer for each look-up, in order, in one read of the store.

        Raises Unavailable F120 when a table cannot be looked in, StoreError F121 for a key of other
        types than its table's, L104 for a name that no view can have.
        """
        ...

    def current(self, view: str) -> int | None:
        """The grid point that is answered from; None when none is. Raises Unavailable F120."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class OnlineWriter(Protocol):
    """Fills a store. Two writers at once do each other no harm."""

    def write(
        self,
        view: str,
        grid: int,
        *,
        key: Columns,
        values: Columns,
        rows: Iterable[Sequence[Any]],
        digest: str,
        source: str = "",
    ) -> Table:
        """Write the table of a grid point (microseconds); one already there is replaced at once.

        A row is the key's parts, none missing, then the values. Raises StoreError F121 for kinds,
        keys or values that cannot be stored, L104 for a bad name; the store's own errors besides.
        """
        ...

    def publish(self, view: str, grid: int) -> None:
        """Answer from this grid point from now on. Raises Unavailable F120 if it has no table."""
        ...

    def current(self, view: str) -> int | None:
        """The grid point that is answered from; None when none is. Raises Unavailable F120."""
        ...

    def table(self, view: str, grid: int) -> Table | None:
        """What is stored for the grid point, None for nothing whole. Raises Unavailable F120."""
        ...

    def grids(self, view: str) -> tuple[int, ...]:
        """The grid points that have a table, ascending."""
        ...

    def prune(self, view: str, *, keep: int) -> tuple[int, ...]:
        """Delete all but the newest ``keep`` tables, never the current one; what was deleted."""
        ...

    def forget(self, view: str) -> None:
        """Delete every table of a view and what it answers from: nobody may read it any more."""
        ...

    def views(self) -> tuple[str, ...]:
        """The views that anything is kept of, ascending. Raises Unavailable F120."""
        ...

    def erase(self, view: str, grid: int, gone: Callable[[Key], bool], *, source: str) -> int:
        """Take the rows of such keys out of a table, which then names ``source``; how many went.

        A table without such rows stays as it is. Who has the old table open looks into it until the
        grid point is published again. Raises Unavailable F120 for a table that is not whole.
        """
        ...

    def sweep(self) -> None:
        """Delete what was never finished. Nobody may be writing."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class KeyTypes:
    """The types that a table's keys have, and what a key becomes before it is looked up.

    A key whose parts are of the ``exact`` types is stored as it is; None where none is.

    >>> KeyTypes("market", (("area", "str"), ("size", "int"))).conformed(("a", 1))
    ('a', 1)
    """

    def __init__(self, view: str, columns: Columns) -> None:
        self._view = view
        self._columns = tuple((name, kind) for name, kind in columns)
        self._types = tuple(types_of(kind) for _, kind in columns)
        self._turned = tuple(
            (i, kind) for i, (_, kind) in enumerate(columns) if kind in ("float", "date")
        )
        self.exact = None if self._turned else tuple(types[0] for types in self._types)

    def conformed(self, key: Key) -> Key | None:
        """The key as it is stored, None for one that is in no table. Raises StoreError F121."""
        if tuple(map(type, key)) == self.exact:
            return key
        for part, types in zip(key, self._types, strict=True):
            if type(part) not in types:
                if part is None:
                    return None
                raise self._misfit(key)
        if not self._turned:
            return key
        parts = list(key)
        for i, kind in self._turned:
            if kind == "date":
                parts[i] = parts[i].isoformat()
                continue
            parts[i] = as_float(parts[i])
            if parts[i] is None:
                return None
        return tuple(parts)

    def _misfit(self, key: Key) -> StoreError:
        return StoreError(
            "F121",
            "a key does not fit the online table",
            where=f"view '{self._view}'",
            expected=", ".join(f"{name}: {kind}" for name, kind in self._columns),
            got=repr(tuple(key))[:200],
            fix="look up with the types that the entity declares",
        )


def types_of(kind: str) -> tuple[type, ...]:
    """The Python types of a kind's values. Raises StoreError F121 for a kind not to be stored."""
    if kind not in _TYPES:
        raise StoreError(
            "F121",
            "an online table cannot hold values of this kind",
            expected=", ".join(_TYPES),
            got=kind,
            fix="use one of these kinds",
        )
    return _TYPES[kind]


def as_float(value: float) -> float | None:
    """One float for each number: 0.0 for -0.0, None for NaN and for what no float holds."""
    try:
        number = float(value) + 0.0
    except OverflowError:
        return None
    return None if math.isnan(number) or number != value else number


def is_int64(value: int) -> bool:
    """Whether a store can hold the integer."""
    return _LEAST <= value <= _MOST


def decoders(columns: Columns) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    """(place, decoder) of the values that are stored as something else than they are."""
    return tuple((i, _DECODERS[kind]) for i, (_, kind) in enumerate(columns) if kind in _DECODERS)


def decoded(
    row: Sequence[Any], changing: Sequence[tuple[int, Callable[[Any], Any]]]
) -> tuple[Any, ...]:
    """The stored values as they were written. Raises ValueError for what was never written so."""
    values = list(row)
    for i, decode in changing:
        if values[i] is not None:
            values[i] = decode(values[i])
    return tuple(values)


def table_bytes(table: Table) -> bytes:
    """What a table says of itself, as JSON."""
    return canonical_json(msgspec.to_builtins(table))


def read_table(data: bytes | str) -> Table:
    """The inverse of :func:`table_bytes`. Raises ValueError for other bytes."""
    return msgspec.json.decode(data, type=Table)


def unwritable(view: str, problem: str) -> StoreError:
    """The error for rows that a table cannot hold."""
    return StoreError(
        "F121",
        "an online table cannot be written",
        where=f"view '{view}'",
        expected="rows of the declared kinds, each key once and without a missing part",
        got=problem,
        fix="correct the rows; if the disk is full, free some space",
        untouched="the tables that are there",
    )
