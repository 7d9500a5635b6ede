"""The online store of an environment, filled for what a release looks up.

Invariant: the release decides. Its own history definitions and its own packed functions are used,
whatever the project's files say by now; the project gives the rows of the sources.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import pyarrow as pa

from interlock.clock import now
from interlock.data.request import RequestSchema
from interlock.data.snapshot import Taken
from interlock.digest import digest_bytes, digest_json
from interlock.errors import OperatorError
from interlock.features.assemble import history_rows
from interlock.features.definition import FeatureSet, HistoryDefinition
from interlock.features.grid import grid_point
from interlock.features.lookup import view_name
from interlock.features.refresh import is_current, refresh
from interlock.features.request import PackedFeatures
from interlock.pipeline.alone import storing
from interlock.pipeline.context import Context
from interlock.pipeline.deploying.online import OnlineStores
from interlock.pipeline.rows.snapshots import load_snapshots, snapshot_digests, take_snapshots
from interlock.pipeline.rows.tombstones import any_erased
from interlock.release.bundle import Bundle


@dataclass(frozen=True, kw_only=True)
class Refreshed:
    """The grid point (µs) that a history answers from, and its entities; None: it was there."""

    history: str
    grid: int
    written: int | None


@dataclass(frozen=True, kw_only=True)
class Refreshing:
    """Fills online stores from the project's sources."""

    context: Context
    online: OnlineStores

    def fill(
        self, environment: str, bundle: Bundle, *, instants: tuple[int, ...] = ()
    ) -> tuple[Refreshed, ...]:
        """Refresh for the present, or for given instants.

        Only what is not there yet is computed. For the present, old grid points are pruned. Raises
        StoreError where the store cannot be filled; what it answers from is then untouched.
        """
        features = features_of(bundle)
        if not features.histories:
            return ()
        with storing(self.online.places.storing):
            return self._filled(environment, bundle, features, instants)

    def _filled(
        self, environment: str, bundle: Bundle, features: FeatureSet, instants: tuple[int, ...]
    ) -> tuple[Refreshed, ...]:
        at = max(instants) if instants else now()
        moment = replace(self.context, as_of=at)
        output = take_snapshots(moment).output
        taken = cache(partial(load_snapshots, moment, output))
        packed = cache(partial(packed_functions, bundle, features))
        product = self.context.bound.product.name
        refreshed = []
        with closing(self.online.writer(environment, product)) as writer:
            for definition in features.histories:
                grids = sorted({grid_point(i, definition) for i in instants or (at,)})
                counts = refresh(
                    writer,
                    definition,
                    partial(_rows, definition, packed, taken),
                    grids,
                    source=_source(definition, bundle, snapshot_digests(output)),
                )
                if not instants:
                    writer.prune(view_name(definition), keep=self.online.settings.keep)
                refreshed.append(
                    Refreshed(
                        history=definition.name, grid=grids[-1], written=counts.get(grids[-1])
                    )
                )
        return tuple(refreshed)

    def require_rows(self) -> None:
        """Raises AuthorError D116 where a refresh for the present would be refused its rows.

        It reads what a refresh does, and keeps it for that; nothing where nothing was ever erased.
        """
        bound = self.context.bound
        if bound.features.histories and any_erased(self.context.ledger, bound.product.name):
            with storing(self.online.places.storing):
                take_snapshots(replace(self.context, as_of=now()))

    def is_due(self, environment: str, bundle: Bundle) -> bool:
        """Whether some history answers from an earlier grid point than it could, or from none."""
        histories = features_of(bundle).histories
        if not histories:
            return False
        moment = now()
        product = self.context.bound.product.name
        with closing(self.online.writer(environment, product)) as writer:
            return not all(is_current(writer, h, grid_point(moment, h)) for h in histories)


def features_of(bundle: Bundle) -> FeatureSet:
    """The features that a release carries."""
    return FeatureSet.from_row(bundle.json("features.json"))


def packed_functions(bundle: Bundle, features: FeatureSet) -> PackedFeatures:
    """The functions that a release carries, which key the rows of histories."""
    schema = RequestSchema.from_row(bundle.json("request.json"))
    fields = [field.name for field in schema.fields]
    name = f"refresh_{bundle.digest}"
    return PackedFeatures.load(bundle.packed, features, fields=fields, name=name)


def _rows(
    definition: HistoryDefinition,
    packed: Callable[[], PackedFeatures],
    taken: Callable[[], Mapping[str, Taken]],
) -> pa.Table:
    return history_rows(definition, packed(), taken()[definition.source].revisions)


def _source(definition: HistoryDefinition, bundle: Bundle, digests: Mapping[str, str]) -> str:
    """What values depend on beside the definition: the rows, and the functions that key them."""
    _require_source(definition, digests)
    code = {name: digest_bytes(text.encode()) for name, text in bundle.packed.items()}
    return table_source(digests[definition.source], code)


def table_source(rows: str, code: Mapping[str, str]) -> str:
    """The name of what a table's values were computed from: digests of the rows and of the code."""
    return digest_json({"rows": rows, "code": dict(code)})


def _require_source(definition: HistoryDefinition, sources: Mapping[str, Any]) -> None:
    if definition.source not in sources:
        raise OperatorError(
            "L135",
            f"the release's history '{definition.name}' reads a source that is no longer declared",
            expected=f"a source named '{definition.source}'",
            got=", ".join(sources) or "no source",
            fix="declare the source again, or deliver a release that does without it",
            untouched="the tables that are there, which go on answering",
        )
