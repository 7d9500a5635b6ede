"""History features read from the online store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from interlock.errors import OperatorError
from interlock.features.definition import HistoryDefinition
from interlock.features.lookup import HistoryLookup, default_of
from interlock.serve.errors import ServiceError
from interlock.serve.history import Found, History, NoHistory
from interlock.serve.pick import Values, picker
from interlock.serve.plan import ServePlan
from interlock.store.online import Unavailable
from interlock.store.online_sqlite import SqliteReader


class StoredHistory:
    """History features read from the online store."""

    def __init__(
        self,
        lookup: HistoryLookup,
        keys: Sequence[Callable[[Values], Values]],
        definitions: Sequence[HistoryDefinition],
        *,
        defaults: bool,
    ) -> None:
        self._lookup = lookup
        self._keys = tuple(keys)
        self._names = tuple(definition.name for definition in definitions)
        self._defaults = defaults
        self._declared = tuple(default_of(a) for d in definitions for a in d.aggregates)

    def row(self, known: Values, as_of: int) -> Found:
        """The aggregates for one row. Raises ServiceError S122 when the store does not answer."""
        try:
            values, grids = self._lookup.row([key(known) for key in self._keys], as_of)
        except Unavailable as error:
            if not self._defaults:
                raise ServiceError("S122", "the history features are unavailable") from error
            return Found(self._declared, {}, True)
        return Found(values, dict(zip(self._names, grids, strict=True)), False)


def open_history(
    definitions: Sequence[HistoryDefinition], names: Sequence[str], plan: ServePlan
) -> History:
    """The history features of a release whose rows are known by ``names``.

    Raises OperatorError S109 when the release has history features and the plan no online store.
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
    lookup = HistoryLookup(SqliteReader(Path(plan.online)), definitions, replay=plan.replay)
    keys = [picker(names, [key for key, _ in d.entity]) for d in definitions]
    defaults = plan.history_unavailable == "defaults"
    return StoredHistory(lookup, keys, definitions, defaults=defaults)
