"""History features looked up: the values of a row's entities at one moment, from the online store.

Invariants: a value comes from a table made by the very definition that the release carries; an
entity that is not in the table, or has a missing key, has the declared defaults, as in training.
In replay the grid point is the one that the row's own time asks for. Live it is the current one, or
that which an earlier moment asks for, where the store still has it: a request about yesterday is
not answered with what only today knows, as far as the store reaches back.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from interlock.errors import OperatorError
from interlock.features.definition import Aggregate, HistoryDefinition
from interlock.features.grid import grid_point
from interlock.store.online import Ask, Found, Key, OnlineReader, Unavailable

Looked = tuple[tuple[Any, ...], tuple[int, ...]]

REACHES_BACK = 8
"""How many grid points before the current one are looked for live; stores keep 3 by default."""
_NAMED = 40  # characters of a history's name in its view's


def view_name(definition: HistoryDefinition) -> str:
    """The online view of a definition: releases that define a history otherwise have their own."""
    return f"{definition.name[:_NAMED]}-{definition.digest[:16]}"


def default_of(aggregate: Aggregate) -> Any:
    """The value for an entity without rows: as declared; 0 for a count that declares none."""
    return aggregate.missing


class HistoryLookup:
    """Looks up every history of a release for one row."""

    def __init__(
        self, reader: OnlineReader, definitions: Sequence[HistoryDefinition], *, replay: bool
    ) -> None:
        if not all(definition.digest for definition in definitions):
            raise OperatorError(
                "F124",
                "a history has no digest to look it up by",
                expected="definitions as they stand in a release",
                got=", ".join(d.name for d in definitions if not d.digest),
                fix="build the release again",
            )
        self._reader = reader
        self._replay = replay
        self._views = tuple(map(view_name, definitions))
        self._expected = tuple(
            (d, d.landing, tuple(default_of(a) for a in d.aggregates)) for d in definitions
        )

    def row(self, keys: Sequence[Key], instant: int) -> Looked:
        """One row. See :meth:`rows`."""
        return self.rows([(keys, instant)])[0]

    def rows(self, asked: Sequence[tuple[Sequence[Key], int]]) -> list[Looked]:
        """(values in aggregate order, the grid point of each history) for every row asked for.

        ``asked`` has for each row one key a definition, its parts in the entity's order, and the
        row's time (microseconds). All is one read of the store. Raises Unavailable F120 when there
        is no table to look in.
        """
        answers = self._reader.read(self._asked(asked))
        found, before = self._looked(asked, answers)
        if before and not self._replay:
            found, _ = self._looked(asked, self._of_earlier(asked, answers, before))
        return found

    def current(self) -> dict[str, int | None]:
        """The grid point that each history is answered from now. Raises Unavailable F120."""
        views = zip(self._expected, self._views, strict=True)
        return {d.name: self._reader.current(view) for (d, _, _), view in views}

    def close(self) -> None:
        """Let go of the store."""
        self._reader.close()

    def _asked(self, asked: Sequence[tuple[Sequence[Key], int]]) -> list[Ask]:
        views = self._views
        if not self._replay:
            return [
                (view, None, key)
                for keys, _ in asked
                for view, key in zip(views, keys, strict=True)
            ]
        return [
            (view, grid_point(instant, definition), key)
            for keys, instant in asked
            for (definition, _, _), view, key in zip(self._expected, views, keys, strict=True)
        ]

    def _looked(
        self, asked: Sequence[tuple[Sequence[Key], int]], answers: Sequence[Found]
    ) -> tuple[list[Looked], list[int]]:
        """What each row gets, and which answers are of a later grid point than its time asks for.

        One loop: with every look-up it is on the way of every answer.
        """
        found: list[Looked] = []
        before: list[int] = []
        place = 0
        for _, instant in asked:
            values: tuple[Any, ...] = ()
            grids: list[int] = []
            for definition, landing, defaults in self._expected:
                grid, digest, one = answers[place]
                if digest != definition.digest:
                    raise _other_definition(definition, digest)
                if instant < grid + landing:
                    before.append(place)
                values += defaults if one is None else one
                grids.append(grid)
                place += 1
            found.append((values, tuple(grids)))
        return found, before

    def _of_earlier(
        self,
        asked: Sequence[tuple[Sequence[Key], int]],
        answers: Sequence[Found],
        before: Sequence[int],
    ) -> list[Found]:
        """The answers, those ``before`` of the grid point that their row's time asks for.

        An earlier grid point that the store no longer has leaves the current one's answer.
        """
        n, changed = len(self._views), list(answers)
        earlier: dict[tuple[str, int], list[int]] = {}
        for place in before:
            definition, _, _ = self._expected[place % n]
            ideal = grid_point(asked[place // n][1], definition)
            if ideal >= answers[place].grid - REACHES_BACK * definition.refresh:
                earlier.setdefault((self._views[place % n], ideal), []).append(place)
        for (view, ideal), places in earlier.items():
            asks: list[Ask] = [(view, ideal, asked[p // n][0][p % n]) for p in places]
            with suppress(Unavailable):
                for place, found in zip(places, self._reader.read(asks), strict=True):
                    changed[place] = found
        return changed


def _other_definition(definition: HistoryDefinition, digest: str) -> Unavailable:
    return Unavailable(
        "F120",
        "the online store is unavailable",
        where=f"history '{definition.name}'",
        expected=f"a table made by definition {definition.digest[:16]}",
        got=f"one made by {digest[:16]}",
        fix="run 'interlock refresh' for this release",
    )
