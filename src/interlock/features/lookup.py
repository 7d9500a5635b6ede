"""History features looked up: the values of a row's entities at one moment, from the online store.

Invariants: a value comes from a table made by the very definition that the release carries; an
entity that is not in the table, or has a missing key, has the declared defaults, as in training.
In replay the grid point is the one that the row's own time asks for; live it is the current one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interlock.errors import OperatorError
from interlock.features.definition import Aggregate, HistoryDefinition
from interlock.features.grid import grid_point
from interlock.store.online import Key, OnlineReader, OnlineTable, Unavailable

_NAMED = 40  # characters of a history's name in its view's


def view_name(definition: HistoryDefinition) -> str:
    """The online view of a definition: releases that define a history otherwise have their own."""
    return f"{definition.name[:_NAMED]}-{definition.digest[:16]}"


def default_of(aggregate: Aggregate) -> Any:
    """The value for an entity without rows: as declared; 0 for a count that declares none."""
    if aggregate.function == "count" and aggregate.default is None:
        return 0
    return aggregate.default


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
        self._histories = tuple(
            (d, view_name(d), tuple(default_of(a) for a in d.aggregates)) for d in definitions
        )

    def row(self, keys: Sequence[Key], instant: int) -> tuple[tuple[Any, ...], tuple[int, ...]]:
        """(values in aggregate order, the grid point of each history).

        ``keys`` has one key a definition, its parts in the entity's order; ``instant`` is the
        row's time (microseconds). Raises Unavailable F120 when there is no table to look in.
        """
        values: tuple[Any, ...] = ()
        grids = []
        for (definition, view, defaults), key in zip(self._histories, keys, strict=True):
            grid = grid_point(instant, definition) if self._replay else None
            table = self._reader.table(view, grid)
            if table.digest != definition.digest:
                raise _other_definition(definition, table)
            found = table.get(key)
            values += defaults if found is None else found
            grids.append(table.grid)
        return values, tuple(grids)


def _other_definition(definition: HistoryDefinition, table: OnlineTable) -> Unavailable:
    return Unavailable(
        "F120",
        "the online store is unavailable",
        where=f"history '{definition.name}'",
        expected=f"a table made by definition {definition.digest[:16]}",
        got=f"one made by {table.digest[:16]}",
        fix="run 'interlock refresh' for this release",
    )
