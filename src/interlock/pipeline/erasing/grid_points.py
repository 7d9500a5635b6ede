"""Values computed from a unit's rows in online stores, at moments that are over.

Rules:

- which values a unit's rows went into is not looked for: every table that can be done without goes;
- where a release answers, or is the one before, that is all but the current grid point: a rollback
  must find it, and the next refresh makes it again from the sources as they are then. Unless it was
  computed from stored rows that are known to be without the unit, it is told that it stays;
- of other releases, and of one that is to be withdrawn, nothing stays, nor of replays and exports,
  which fill their stores anew each time.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass

from interlock.digest import digest_bytes
from interlock.features.definition import FeatureSet, HistoryDefinition
from interlock.features.lookup import view_name
from interlock.pipeline.deploying.online import OnlineStores
from interlock.pipeline.deploying.refreshing import table_source
from interlock.pipeline.erasing.finding import Copies
from interlock.pipeline.erasing.stores import Stores
from interlock.pipeline.rows.tombstones import SNAPSHOT
from interlock.store.projections import STAGE_FINISHED

_REFILLED = ("replay", "export")


@dataclass(frozen=True, kw_only=True)
class Staying:
    """A table that is still answered from, and was not computed from rows without the unit.

    ``grid`` is its grid point (µs UTC).
    """

    environment: str
    history: str
    grid: int


@dataclass(frozen=True, kw_only=True)
class GridPoints:
    """How many tables were ``deleted``, and which stay until the next refresh."""

    deleted: int
    staying: tuple[Staying, ...] = ()


def forget_grid_points(
    stores: Stores, online: OnlineStores, copies: Copies | None = None
) -> GridPoints | None:
    """Delete these tables, and tell of the others; None where no release looks anything up.

    ``copies`` are those of the unit, which must still be there. Raises StoreError or OperatorError
    for a store that cannot be reached.
    """
    copies = copies or Copies()
    held = {one.bundle for one in copies.bundles}
    releases = stores.ledger.releases.newest(stores.product)
    views = {release.bundle: _views(stores, release.bundle) for release in releases}
    every = {view: h.name for one in views.values() for view, h in one.items()}
    if not every:
        return None
    clean = _clean_rows(stores, copies)
    deleted, staying = 0, []
    for environment in (*stores.environments, *_REFILLED):
        used: dict[str, set[str]] = {}
        for bundle in _needed(stores, environment, held):
            for view, definition in views.get(bundle, {}).items():
                used.setdefault(view, set()).update(_sources(stores, bundle, definition, clean))
        with closing(online.writer(environment, stores.product)) as writer:
            for view in sorted(every):
                if view not in used:
                    deleted += len(writer.grids(view))
                    writer.forget(view)
                    continue
                deleted += len(writer.prune(view, keep=0))
                for grid in writer.grids(view):
                    table = writer.table(view, grid)
                    if table is None or table.source not in used[view]:
                        staying.append(
                            Staying(environment=environment, history=every[view], grid=grid)
                        )
    return GridPoints(deleted=deleted, staying=tuple(staying))


def _clean_rows(stores: Stores, copies: Copies) -> dict[str, set[str]]:
    """By source the digests of rows that are stored and known to be without the unit."""
    held = {blob for snapshot in copies.snapshots for blob in snapshot.blobs}
    found: dict[str, set[str]] = {}
    for event in stores.ledger.events(product=stores.product, kind=STAGE_FINISHED):
        if event.body["stage"] == SNAPSHOT:
            for name, kept in event.body["output"].items():
                if kept["rows"] not in held and stores.artifacts.has(kept["rows"]):
                    found.setdefault(name, set()).add(kept["manifest"]["digest"])
    return found


def _sources(
    stores: Stores,
    bundle: str,
    definition: HistoryDefinition,
    clean: Mapping[str, Collection[str]],
) -> set[str]:
    """What tables say of themselves that this release's code computed from clean rows."""
    folder = stores.artifacts.tree(bundle) / "packed"
    code = {path.stem: digest_bytes(path.read_bytes()) for path in folder.glob("*.py")}
    return {table_source(rows, code) for rows in clean.get(definition.source, ())}


def _needed(stores: Stores, environment: str, held: Collection[str]) -> set[str]:
    """The bundles that answer there, and the one before unless it is to be withdrawn."""
    answering = stores.answering()
    needed = {bundle for bundle, names in answering.items() if environment in names}
    live = stores.ledger.deployments.last(stores.product, environment)
    before = None if live is None else live.previous_bundle
    if before is not None and (before in answering or before not in held):
        needed.add(before)
    return needed


def _views(stores: Stores, bundle: str) -> dict[str, HistoryDefinition]:
    """The views that a release looks up; none of one that was withdrawn."""
    path = stores.artifacts.tree(bundle) / "features.json"
    if not path.is_file():
        return {}
    features = FeatureSet.from_row(json.loads(path.read_bytes()))
    return {view_name(definition): definition for definition in features.histories}
