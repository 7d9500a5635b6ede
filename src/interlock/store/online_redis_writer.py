"""Writes the online store on a Redis server (:mod:`interlock.store.online_redis`).

A hash is filled under a name that nobody reads and that expires, counted, and renamed. A server
whose policy lets it evict is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any

from msgspec import structs

from interlock.errors import OperatorError, StoreError
from interlock.store.online import Columns, Key, Table, unwritable
from interlock.store.redis_layout import (
    ABOUT,
    EntryEncoder,
    KnownTable,
    Names,
    about_bytes,
    read_about,
)
from interlock.store.redis_link import Command, RedisAddress, RedisLink
from interlock.wording import counted

WRITING_SECONDS = 10.0  # that a writer waits for an answer
PARTIAL_SECONDS = 3_600  # after which a table that was never finished is gone
_CHUNK = 1_000  # rows in one command
_ROUNDS = 6  # tries of what others may disturb
_NEVER_EVICTS = "noeviction"


class RedisWriter:
    """Writes tables over one connection; with ``expires_seconds`` the server deletes them then."""

    def __init__(
        self, address: RedisAddress, *, namespace: str, expires_seconds: int | None = None
    ) -> None:
        patient = max(address.timeout_seconds, WRITING_SECONDS)
        self._where = str(address)
        self._link = RedisLink(replace(address, timeout_seconds=patient), pause_seconds=0.0)
        self._names = Names(namespace)
        self._expires_seconds = expires_seconds

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
        """Write the table of a grid point. See :class:`interlock.store.online.OnlineWriter`.

        Raises OperatorError L131 when the server may evict it, StoreError L132 when it is full.
        """
        about = Table.begun(view, grid, key=key, values=values, digest=digest, source=source)
        partial, final = self._names.partial(view, grid), self._names.table(view, grid)
        self._require_lasting()
        try:
            about = structs.replace(about, rows=self._fill(partial, about, rows))
            self._complete(partial, final, about)
        except BaseException:
            with suppress(StoreError):
                self._link.ask([("UNLINK", partial)])
            raise
        return about

    def publish(self, view: str, grid: int) -> None:
        """Answer from this grid point from now on. Raises Unavailable F120 if it has no table."""
        table, name = self._names.table(view, grid), self._names.current(view)
        for _ in range(_ROUNDS):
            self._link.ask([("WATCH", table)])  # another may prune it
            if self.table(view, grid) is None:
                self._link.ask([("UNWATCH",)])
                raise self._link.unavailable(f"view '{view}' has no whole table at {grid}")
            if self._at_once(("SET", name, str(grid)), self._lasting(name)):
                return
        raise self._link.unavailable("others write faster than could be published")

    def current(self, view: str) -> int | None:
        """The grid point that is answered from; None when none is. Raises Unavailable F120."""
        return self._link.pointer(self._names.current(view))

    def table(self, view: str, grid: int) -> Table | None:
        """What is stored for the grid point, None for nothing whole. Raises Unavailable F120."""
        name = self._names.table(view, grid)
        about, count = self._link.ask([("HGET", name, ABOUT), ("HLEN", name)])
        try:
            table = None if about is None else read_about(about)
        except ValueError:
            return None
        return table if table is not None and count == table.rows + 1 else None

    def grids(self, view: str) -> tuple[int, ...]:
        """The grid points that have a table, ascending. Raises Unavailable F120."""
        members = self._link.ask([("SMEMBERS", self._names.grids(view))])[0]
        grids = sorted(int(member) for member in members)
        if not grids:
            return ()
        there = self._link.ask([("EXISTS", self._names.table(view, grid)) for grid in grids])
        return tuple(grid for grid, found in zip(grids, there, strict=True) if found)

    def prune(self, view: str, *, keep: int) -> tuple[int, ...]:
        """Delete all but the newest ``keep`` tables, never the current one; what was deleted."""
        for _ in range(_ROUNDS):
            self._link.ask([("WATCH", self._names.current(view))])  # another may publish an old one
            current = self.current(view)
            old = tuple(g for g in self.grids(view)[: -keep or None] if g != current)
            if not old:
                self._link.ask([("UNWATCH",)])
                return ()
            if self._at_once(
                ("SREM", self._names.grids(view), *old),
                ("UNLINK", *(self._names.table(view, grid) for grid in old)),
            ):
                return old
        raise self._link.unavailable("others publish faster than could be pruned")

    def forget(self, view: str) -> None:
        """Delete every table of a view and what it answers from."""
        tables = [self._names.table(view, grid) for grid in self.grids(view)]
        self._link.ask([("UNLINK", self._names.current(view), self._names.grids(view), *tables)])

    def views(self) -> tuple[str, ...]:
        """The views that anything is kept of, ascending. Raises Unavailable F120."""
        found = {self._names.view_of(name) for name in self._all_names()}
        return tuple(sorted(view for view in found if view is not None))

    def erase(self, view: str, grid: int, gone: Callable[[Key], bool], *, source: str) -> int:
        """Take rows out, at once. See :class:`interlock.store.online.OnlineWriter`."""
        name = self._names.table(view, grid)
        for _ in range(_ROUNDS):
            self._link.ask([("WATCH", name)])  # a refresh may replace it
            fields, about = self._fields(name, gone)
            if not fields:
                self._link.ask([("UNWATCH",)])
                return 0
            left = structs.replace(about, rows=about.rows - len(fields), source=source)
            if self._at_once(
                ("HDEL", name, *fields),
                ("HSET", name, ABOUT, about_bytes(left)),
            ):
                return len(fields)
        raise self._link.unavailable("others write faster than could be erased")

    def sweep(self) -> None:
        """Delete what was never finished. Nobody may be writing. Raises Unavailable F120."""
        partial = [name for name in self._all_names() if b":partial:" in name]
        for start in range(0, len(partial), _CHUNK):
            self._link.ask([("UNLINK", *partial[start : start + _CHUNK])])

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def _fields(self, name: str, gone: Callable[[Key], bool]) -> tuple[list[bytes], Table]:
        """The fields of such keys, and what the table says of itself. Raises Unavailable F120."""
        found: dict[bytes, None] = {}
        try:
            known = KnownTable(self._link.ask([("HGET", name, ABOUT)])[0])
            for field in self._scanned(("HSCAN", name), step=2):
                if field != ABOUT and gone(known.key(field)):
                    found[field] = None
        except (ValueError, TypeError) as error:
            raise self._link.unavailable(f"a table that is not whole: {error}") from None
        return list(found), known.table

    def _all_names(self) -> list[bytes]:
        return list(self._scanned(("SCAN",), "MATCH", self._names.every))

    def _scanned(self, command: Command, *more: Any, step: int = 1) -> Iterator[bytes]:
        """What a server lists a part at a time; every ``step``-th is a name."""
        cursor = b"0"
        while True:
            cursor, found = self._link.ask([(*command, cursor, *more, "COUNT", _CHUNK)])[0]
            yield from found[::step]
            if cursor == b"0":
                return

    def _require_lasting(self) -> None:
        """Raise OperatorError L131 on a server that throws keys away when memory is short."""
        said = self._link.ask([("INFO", "memory")])[0]
        lines = bytes(said).decode(errors="replace").splitlines()
        policy = dict(line.split(":", 1) for line in lines if ":" in line).get("maxmemory_policy")
        if policy not in (None, _NEVER_EVICTS):
            raise OperatorError(
                "L131",
                "the Redis server may evict what is stored",
                where=self._where,
                expected=f"maxmemory-policy {_NEVER_EVICTS}",
                got=f"maxmemory-policy {policy}",
                fix=f"set 'maxmemory-policy {_NEVER_EVICTS}', or use a server of its own",
                untouched="the tables that are there",
            )

    def _fill(self, partial: str, about: Table, rows: Iterable[Sequence[Any]]) -> int:
        """Write the rows under a name that expires; how many they are."""
        encoder = EntryEncoder(about)
        n_rows, remaining = 0, iter(rows)
        while chunk := [encoder.encoded(row) for row in islice(remaining, _CHUNK)]:
            pairs = [part for pair in chunk for part in pair]
            added, _ = self._link.ask(
                [("HSET", partial, *pairs), ("EXPIRE", partial, PARTIAL_SECONDS)]
            )
            if added != len(chunk):
                raise unwritable(
                    about.view, f"{counted(len(chunk) - added, 'key is', 'keys are')} there twice"
                )
            n_rows += len(chunk)
        return n_rows

    def _complete(self, partial: str, final: str, about: Table) -> None:
        """Say what the table is, count it, and let it be seen."""
        count = self._link.ask(
            [
                ("HSET", partial, ABOUT, about_bytes(about)),
                ("EXPIRE", partial, PARTIAL_SECONDS),
                ("HLEN", partial),
            ]
        )[2]
        if count != about.rows + 1:
            raise self._link.unavailable("rows were lost while they were written")
        grids = self._names.grids(about.view)
        done = self._at_once(
            self._lasting(partial),
            ("RENAME", partial, final),
            ("SADD", grids, about.grid),
            self._lasting(grids),
        )
        if not done:
            raise self._link.unavailable("the table was not taken")

    def _at_once(self, *commands: Command) -> bool:
        """All of them with nothing in between; False where what is watched was changed before.

        Raises Unavailable F120 where the server refused one.
        """
        replies = self._link.ask([("MULTI",), *commands, ("EXEC",)])[-1]
        refused = [reply for reply in replies or () if isinstance(reply, Exception)]
        if refused:
            raise self._link.unavailable(str(refused[0]))
        return replies is not None

    def _lasting(self, name: str) -> Command:
        """Have a key stay, or go in time."""
        seconds = self._expires_seconds
        return ("PERSIST", name) if seconds is None else ("EXPIRE", name, seconds)
