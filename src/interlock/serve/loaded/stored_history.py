"""History features read from the online store: found, or refused, or declared defaults.

Invariant: what the store does not answer is counted, and either refused or marked as degraded; an
answer is never made up unmarked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from interlock.clock import SECOND
from interlock.errors import OperatorError
from interlock.features.definition import HistoryDefinition
from interlock.features.grid import grid_point
from interlock.features.lookup import HistoryLookup, default_of
from interlock.serve.errors import ServiceError
from interlock.serve.loaded.history import Found, Freshness, History, HistoryStanding, NoHistory
from interlock.serve.loaded.pick import Values, picker
from interlock.serve.plan import ServePlan
from interlock.store.online import Unavailable
from interlock.store.online_place import open_reader

_LOOK_SECONDS = 0.01  # within which a refreshed history is answered from


class StoredHistory:
    """History features read from the online store; several threads may use it, one at a time.

    An isolated challenger is asked in a thread of its own, and on promotion by the event loop too,
    while an open table has one cursor.
    """

    def __init__(
        self,
        lookup: HistoryLookup,
        keys: Sequence[Callable[[Values], Values]],
        definitions: Sequence[HistoryDefinition],
        *,
        defaults: bool,
        replay: bool,
    ) -> None:
        self._lookup = lookup
        self._turn = threading.Lock()
        self._keys = tuple(keys)
        self._definitions = tuple(definitions)
        self._names = tuple(definition.name for definition in definitions)
        self._defaults = defaults
        self._replay = replay
        self._declared = tuple(default_of(a) for d in definitions for a in d.aggregates)
        self._grids: tuple[tuple[int, ...], dict[str, int]] = ((), {})
        self._refused = 0
        self._degraded = 0

    def rows(self, asked: Sequence[tuple[Values, int]]) -> list[Found]:
        """The aggregates of every row. Raises ServiceError S122 when the store does not answer."""
        keys = self._keys
        with self._turn:
            try:
                found = self._lookup.rows(
                    [([key(known) for key in keys], as_of) for known, as_of in asked]
                )
            except Unavailable as error:
                return self._without(len(asked), error)
            return [Found(values, self._named(grids), False) for values, grids in found]

    def _without(self, n_rows: int, error: Unavailable) -> list[Found]:
        """What so many rows get that the store does not answer."""
        if not self._defaults:
            self._refused += n_rows
            days = "; a replay has those of the days it was started for" if self._replay else ""
            raise ServiceError("S122", f"the history features are unavailable{days}") from error
        self._degraded += n_rows
        return [Found(self._declared, {}, True)] * n_rows

    def _named(self, grids: tuple[int, ...]) -> dict[str, int]:
        """The grid points by history; the very same of rows that share them, as most do."""
        if grids != self._grids[0]:
            self._grids = (grids, dict(zip(self._names, grids, strict=True)))
        return self._grids[1]

    def standing(self, now: int) -> HistoryStanding:
        """How old the answers are at that instant. In replay there is no such thing."""
        histories: dict[str, Freshness | None] = {}
        problem = None
        try:
            with self._turn:
                current = {} if self._replay else self._lookup.current()
        except Unavailable as error:
            current, problem = {}, error.mistakes[0].got
        for definition in self._definitions:
            if definition.name in current:
                grid = current[definition.name]
                histories[definition.name] = None if grid is None else _fresh(definition, grid, now)
        return HistoryStanding(
            histories=histories, problem=problem, refused=self._refused, degraded=self._degraded
        )


def _fresh(definition: HistoryDefinition, grid: int, now: int) -> Freshness:
    missed = (grid_point(now, definition) - grid) // definition.refresh
    return Freshness(grid=grid, age_seconds=(now - grid) / SECOND, behind=max(0, missed))


def open_history(
    definitions: Sequence[HistoryDefinition],
    names: Sequence[str],
    plan: ServePlan,
    environ: Mapping[str, str],
) -> History:
    """The history features of a release whose rows are known by ``names``.

    ``environ`` holds the secret that the plan may name. Raises OperatorError S109 when the release
    has history features and the plan no online store, L133 or L134 when that cannot be opened.
    """
    if not definitions:
        return NoHistory()
    if plan.online is None:
        raise OperatorError(
            "S109",
            "the release has history features, and the service has no online store",
            expected="an online store for " + ", ".join(d.name for d in definitions),
            got="none in the plan",
            fix="run 'interlock refresh' and give the service its online store",
        )
    reader = open_reader(plan.online, plan.online_access, environ, look_seconds=_LOOK_SECONDS)
    lookup = HistoryLookup(reader, definitions, replay=plan.replay)
    keys = [picker(names, [key for key, _ in d.entity]) for d in definitions]
    defaults = plan.history_unavailable == "defaults"
    return StoredHistory(lookup, keys, definitions, defaults=defaults, replay=plan.replay)
