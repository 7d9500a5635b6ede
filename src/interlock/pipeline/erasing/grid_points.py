"""Values computed from a unit's rows in online stores, at moments that are over.

Rules:

- which values a unit's rows went into is not looked for: every table that can be done without goes;
- where a release answers, or is the one before, that is all but the current grid point: a rollback
  must find it, and the next refresh makes it again from the sources as they are then;
- of other releases, and of one that is to be withdrawn, nothing stays, nor of replays and exports,
  which fill their stores anew each time.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import closing

from interlock.features.definition import FeatureSet
from interlock.features.lookup import view_name
from interlock.pipeline.erasing.stores import Stores
from interlock.pipeline.online import OnlineStores

_REFILLED = ("replay", "export")


def forget_grid_points(
    stores: Stores, online: OnlineStores, *, held: Collection[str] = ()
) -> int | None:
    """Delete these tables, and count them; None where no release looks anything up.

    The bundles must still be there; ``held`` are those that hold the unit. Raises StoreError or
    OperatorError for a store that cannot be reached.
    """
    views = {
        r.bundle: _views(stores, r.bundle) for r in stores.ledger.releases.newest(stores.product)
    }
    every = set().union(*views.values())
    if not every:
        return None
    gone = 0
    for environment in (*stores.environments, *_REFILLED):
        needed = _needed(stores, environment, held)
        used = {view for bundle in needed for view in views.get(bundle, ())}
        with closing(online.writer(environment, stores.product)) as writer:
            for view in sorted(every):
                if view in used:
                    gone += len(writer.prune(view, keep=0))
                else:
                    gone += len(writer.grids(view))
                    writer.forget(view)
    return gone


def _needed(stores: Stores, environment: str, held: Collection[str]) -> set[str]:
    """The bundles that answer there, and the one before unless it is to be withdrawn."""
    answering = stores.answering()
    needed = {bundle for bundle, names in answering.items() if environment in names}
    live = stores.ledger.deployments.last(stores.product, environment)
    before = None if live is None else live.previous_bundle
    if before is not None and (before in answering or before not in held):
        needed.add(before)
    return needed


def _views(stores: Stores, bundle: str) -> set[str]:
    """The views that a release looks up; none of one that was withdrawn."""
    path = stores.artifacts.tree(bundle) / "features.json"
    if not path.is_file():
        return set()
    features = FeatureSet.from_row(json.loads(path.read_bytes()))
    return {view_name(definition) for definition in features.histories}
