"""Values computed from a unit's rows in online stores.

Rules:

- of moments that are over, which values a unit's rows went into is not looked for: every table that
  can be done without goes;
- where a release answers, or is the one before, the current grid point stays: a rollback must find
  it. The unit leaves it (:mod:`interlock.pipeline.erasing.answered`); where that cannot be done, it
  is told that it stays;
- of other releases, and of one that is to be withdrawn, nothing stays, nor of replays and exports,
  which fill their stores anew each time, nor what is not whole, nor what was never finished;
- a table is published again once the unit has left it, also by the next erasure where this one
  died before: who answers from it has the old one open until then.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass

from interlock.features.definition import FeatureSet
from interlock.features.lookup import view_name
from interlock.pipeline.deploying.online import OnlineStores
from interlock.pipeline.erasing.answered import Answering, Became, erase_computed, erase_keyed
from interlock.pipeline.erasing.finding import Copies
from interlock.pipeline.erasing.stored_rows import stored_rows
from interlock.pipeline.erasing.stores import Stores
from interlock.pipeline.erasing.unit import Unit, entity_digest
from interlock.store.online import OnlineWriter
from interlock.store.online_place import is_server

_REFILLED = ("replay", "export")


@dataclass(frozen=True, kw_only=True)
class Staying:
    """A table that is still answered from, and holds the unit or may.

    ``grid`` is its grid point (µs UTC).
    """

    environment: str
    history: str
    grid: int


@dataclass(frozen=True, kw_only=True)
class GridPoints:
    """How many tables were ``deleted``, how many computed anew (``remade``), and what stays.

    ``rows`` counts those taken out of tables that are answered from; ``server`` says whether some
    of it was on a server, which keeps files of its own.
    """

    deleted: int = 0
    rows: int = 0
    remade: int = 0
    staying: tuple[Staying, ...] = ()
    server: bool = False


def forget_grid_points(
    stores: Stores, online: OnlineStores, copies: Copies, unit: Unit
) -> GridPoints | None:
    """Delete these tables, erase the unit from the others; None where no release looks things up.

    ``copies`` are those of the unit, which must still be there. Raises StoreError or OperatorError
    for a store that cannot be reached, IntegrityError for a release or rows that were changed.
    """
    bundles = [release.bundle for release in stores.ledger.releases.newest(stores.product)]
    found = _Erasing(stores=stores, unit=unit, copies=copies)
    views = {bundle: found.views(bundle) for bundle in bundles}
    if not any(views.values()):
        return None
    every: list[GridPoints] = []
    for environment in (*stores.environments, *_REFILLED):
        answering: dict[str, list[Answering]] = {}
        for bundle in found.needed(environment):
            for view, one in views.get(bundle, {}).items():
                answering.setdefault(view, []).append(one)
        with closing(online.writer(environment, stores.product)) as writer:
            writer.sweep()
            for view in writer.views():
                every.append(found.erase(writer, environment, view, answering.get(view, ())))
    urls = [online.url(environment, stores.product) for environment in stores.environments]
    return GridPoints(
        deleted=sum(one.deleted for one in every),
        rows=sum(one.rows for one in every),
        remade=sum(one.remade for one in every),
        staying=tuple(staying for one in every for staying in one.staying),
        server=any(map(is_server, urls)),
    )


class _Erasing:
    """One unit leaves the online stores of its product."""

    def __init__(self, *, stores: Stores, unit: Unit, copies: Copies) -> None:
        self._stores = stores
        self._unit = unit
        self._entity = entity_digest(stores.product, unit.key)
        self._held = {one.bundle for one in copies.bundles}
        self._rows = stored_rows(stores, copies)

    def views(self, bundle: str) -> dict[str, Answering]:
        """The views that a release looks up; none of one that was withdrawn."""
        path = self._stores.artifacts.tree(bundle) / "features.json"
        if not path.is_file():
            return {}
        features = FeatureSet.from_row(json.loads(path.read_bytes()))
        computed = {feature.name for feature in features.request}
        return {
            view_name(definition): Answering(
                bundle=bundle,
                definition=definition,
                own_keys=tuple(name for name, _ in definition.entity if name not in computed),
                rows=self._rows.get(definition.source, ()),
            )
            for definition in features.histories
        }

    def needed(self, environment: str) -> Collection[str]:
        """The bundles that answer there, and the one before unless it is to be withdrawn."""
        stores = self._stores
        answering = stores.answering()
        needed = {bundle for bundle, names in answering.items() if environment in names}
        live = stores.ledger.deployments.last(stores.product, environment)
        before = None if live is None else live.previous_bundle
        if before is not None and (before in answering or before not in self._held):
            needed.add(before)
        return needed

    def erase(
        self, writer: OnlineWriter, environment: str, view: str, answering: Sequence[Answering]
    ) -> GridPoints:
        """The unit leaves one view."""
        current = writer.current(view) if answering else None
        table = None if current is None else writer.table(view, current)
        if current is None or table is None:
            deleted = len(writer.grids(view))
            writer.forget(view)
            return GridPoints(deleted=deleted)
        deleted = len(writer.prune(view, keep=0))
        rows = erase_keyed(writer, table, answering, self._unit, self._entity)
        became = Became.CLEAN
        if rows is None:
            became = erase_computed(
                self._stores, writer, table, answering, self._unit, self._entity
            )
        if became is Became.STAYS:
            name = answering[0].definition.name
            staying = Staying(environment=environment, history=name, grid=current)
            return GridPoints(deleted=deleted, staying=(staying,))
        writer.publish(view, current)
        return GridPoints(deleted=deleted, rows=rows or 0, remade=became is Became.REMADE)
