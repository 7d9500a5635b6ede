"""The online store on a Redis server: one hash a view and grid point.

Redis evicts, expires and loses whole keys, never fields of one. So a table is one hash, and in it,
beside the entities, stands what the table says of itself: where that is found, an absent entity is
missing; where it is not, the table was lost, evicted or never written, and that is unavailable.
The number of fields is compared with the number declared at every look-up besides.
:mod:`interlock.store.online_redis_writer` fills the hashes.

``current`` is a key that names the grid point. A look-up asks for the pointer and for the entity at
the grid point known last in one round trip; only where the pointer has moved is there another.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from interlock.store.online import Ask, Found, Unavailable
from interlock.store.redis_layout import ABOUT, KnownTable, Names
from interlock.store.redis_link import Command, RedisAddress, RedisLink

KNOWN_TABLES = 1_024  # of which a reader remembers what they say of themselves
_ROUNDS = 6  # round trips of one read, at most; one where nothing moved


class _Group(NamedTuple):
    """The look-ups of one request in one table, and which table that is thought to be."""

    view: str
    live: bool
    grid: int | None
    known: KnownTable | None
    places: list[int]
    fields: list[bytes | None]


class RedisReader:
    """Looks up over one connection."""

    def __init__(self, address: RedisAddress, *, namespace: str) -> None:
        self._link = RedisLink(address)
        self._names = Names(namespace)
        self._grids: dict[str, int] = {}
        self._tables: OrderedDict[tuple[str, int], KnownTable] = OrderedDict()

    def read(self, asked: Sequence[Ask]) -> list[Found]:
        """One answer for each look-up. See :class:`interlock.store.online.OnlineReader`."""
        for _ in range(_ROUNDS):
            groups = self._groups(asked)
            commands = [command for group in groups for command in self._commands(group)]
            replies = iter(self._link.ask(commands, repeat=True))
            rounds = [(group, self._replies(group, replies)) for group in groups]
            learned = [self._learned(group, found) for group, found in rounds]
            if not any(learned):
                return self._answers(len(asked), rounds)
        raise self._link.unavailable("the tables changed faster than they could be read")

    def current(self, view: str) -> int | None:
        """The grid point that is answered from; None when none is. Raises Unavailable F120."""
        return self._link.pointer(self._names.current(view))

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def _groups(self, asked: Sequence[Ask]) -> list[_Group]:
        groups: dict[tuple[str, int | None], _Group] = {}
        for place, (view, wanted, key) in enumerate(asked):
            group = groups.get((view, wanted))
            if group is None:
                grid = self._grids.get(view) if wanted is None else wanted
                known = None if grid is None else self._tables.get((view, grid))
                group = _Group(view, wanted is None, grid, known, [], [])
                groups[view, wanted] = group
            if group.known is not None:
                group.places.append(place)
                group.fields.append(group.known.field(key))
        return list(groups.values())

    def _commands(self, group: _Group) -> Iterator[Command]:
        if group.live:
            yield ("GET", self._names.current(group.view))
        if group.grid is not None:
            name = self._names.table(group.view, group.grid)
            yield ("HMGET", name, ABOUT, *(field for field in group.fields if field is not None))
            yield ("HLEN", name)

    def _replies(self, group: _Group, replies: Iterator[Any]) -> list[Any]:
        """(pointer, table with entries, count) as far as they were asked for."""
        pointer = next(replies) if group.live else None
        entries = [next(replies), next(replies)] if group.grid is not None else [None, None]
        return [pointer, *entries]

    def _learned(self, group: _Group, replies: list[Any]) -> bool:
        """Whether another table must be asked for than was. Raises Unavailable F120."""
        pointer, entries, count = replies
        if group.live:
            grid = self._link.grid(pointer)
            if grid is None:
                raise self._link.unavailable(f"view '{group.view}' has no current grid point")
            if grid != group.grid:
                self._grids[group.view] = grid
                return True
        assert group.grid is not None
        if not _are_replies(entries, count, 1 + sum(field is not None for field in group.fields)):
            raise self._lost(group, "the server answered with something else")
        about = entries[0]
        if about is None:
            raise self._lost(group, "there is no such table; it was lost, or never written")
        if group.known is not None and group.known.about == about:
            if count != group.known.table.rows + 1:
                raise self._lost(group, f"{count - 1} of {group.known.table.rows} rows are there")
            return False
        self._remember(group, about)
        return True

    def _remember(self, group: _Group, about: bytes) -> None:
        assert group.grid is not None
        try:
            known = KnownTable(about)
        except ValueError as error:
            raise self._lost(group, str(error)) from None
        if (known.table.view, known.table.grid) != (group.view, group.grid):
            raise self._lost(group, "it says that it is another table")
        self._tables[group.view, group.grid] = known
        while len(self._tables) > KNOWN_TABLES:
            self._tables.popitem(last=False)

    def _answers(self, n: int, rounds: Sequence[tuple[_Group, list[Any]]]) -> list[Found]:
        answers: list[Any] = [None] * n
        for group, (_, entries, _) in rounds:
            assert group.known is not None
            table = group.known.table
            data = iter(entries[1:])
            for place, field in zip(group.places, group.fields, strict=True):
                try:
                    values = None if field is None else group.known.values(field, next(data))
                except (ValueError, TypeError) as error:
                    raise self._lost(group, str(error)) from None
                answers[place] = Found(table.grid, table.digest, values)
        return answers

    def _lost(self, group: _Group, problem: str) -> Unavailable:
        return self._link.unavailable(f"view '{group.view}' at {group.grid}: {problem}")


def _are_replies(entries: Any, count: Any, asked: int) -> bool:
    """Whether the replies are of the kinds that such commands have."""
    listed = isinstance(entries, list) and len(entries) == asked
    return (
        listed
        and isinstance(count, int)
        and all(entry is None or isinstance(entry, bytes) for entry in entries)
    )
