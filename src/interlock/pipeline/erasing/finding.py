"""Where deliveries keep a unit's rows: snapshots, what stages made of them, bundles, reports.

Rules:

- a snapshot holds the unit when a row of one of its tables has the unit's key;
- once one does, everything that stages of the product put out is taken to hold it, but for the
  snapshots that do not: it can all be computed again;
- what attestations, waivers or other products refer to is never deleted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interlock.digest import canonical_json
from interlock.pipeline.delivery.waiving import GATE_SHUT
from interlock.pipeline.erasing.bundles import HeldBundle, held_bundles, unreleased
from interlock.pipeline.erasing.stores import Stores
from interlock.pipeline.erasing.unit import Unit
from interlock.pipeline.rows.tombstones import SNAPSHOT, StoredSnapshot, stored_snapshots
from interlock.store.projections import STAGE_FINISHED
from interlock.store.rows import Event

_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_TEXTS = (".html", ".md", ".json", ".xml", ".txt")


@dataclass(frozen=True, kw_only=True)
class Copies:
    """What was found. ``snapshots`` have only the blobs that are to go.

    ``derived`` are blobs that stages made and ``unreleased`` bundles, ``stages`` the keys whose
    outputs name any of these, ``reports`` files that may name the unit, ``unsearched`` sources
    without its key, ``renamed`` sources that have it, but not in all that was stored.
    """

    snapshots: tuple[StoredSnapshot, ...] = ()
    derived: tuple[str, ...] = ()
    unreleased: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    bundles: tuple[HeldBundle, ...] = ()
    reports: tuple[Path, ...] = ()
    unsearched: tuple[str, ...] = ()
    renamed: tuple[str, ...] = ()


def find(stores: Stores, unit: Unit) -> Copies:
    """Every copy of the unit's rows. Raises StoreError or IntegrityError for damaged blobs."""
    snapshots = list(stored_snapshots(stores.ledger, stores.product))
    held, told, silent = _held(stores, unit, snapshots)
    renamed = silent & {*told, unit.source}
    found = _holding(snapshots, held)
    outputs = stores.ledger.events(product=stores.product, kind=STAGE_FINISHED)
    derived = _derived(stores, snapshots, outputs) if found else []
    dropped = tuple(unreleased(stores)) if found else ()
    gone = {*held, *derived, *dropped}
    return Copies(
        snapshots=tuple(found),
        derived=tuple(derived),
        unreleased=dropped,
        stages=tuple(dict.fromkeys(e.subject for e in outputs if gone & set(_digests(e.body)))),
        bundles=tuple(held_bundles(stores, unit, outputs)),
        reports=tuple(_reports(stores, unit)),
        unsearched=tuple(sorted(silent - renamed)),
        renamed=tuple(sorted(renamed)),
    )


def _held(
    stores: Stores, unit: Unit, snapshots: Sequence[StoredSnapshot]
) -> tuple[set[str], set[str], set[str]]:
    """The blobs of snapshots with the unit's rows; sources that tell units, and that do not."""
    held: set[str] = set()
    told: set[str] = set()
    silent: set[str] = set()
    seen: set[str] = set()
    for snapshot in snapshots:
        for source, blobs in snapshot.sources.items():
            for blob in blobs:
                if blob in seen or not stores.artifacts.has(blob):
                    continue
                seen.add(blob)
                table = stores.table(blob)
                rows = unit.rows(table)
                if rows is not None and rows.any():
                    held.add(blob)
                if table.num_rows:  # nothing that was quarantined has no columns
                    (silent if rows is None else told).add(source)
    return held, told, silent


def _holding(snapshots: Sequence[StoredSnapshot], held: set[str]) -> list[StoredSnapshot]:
    """The snapshots with their blobs that are held; the same rows may be stored as of two days."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for snapshot in snapshots:
        for source, blobs in snapshot.sources.items():
            for blob in blobs:
                if blob in held:
                    found.setdefault(snapshot.snapshot, {}).setdefault(source, {})[blob] = None
    return [
        StoredSnapshot(snapshot=identity, sources={name: tuple(b) for name, b in sources.items()})
        for identity, sources in found.items()
    ]


def _derived(
    stores: Stores, snapshots: Sequence[StoredSnapshot], outputs: Sequence[Event]
) -> list[str]:
    """All blobs that stages of the product put out, but for snapshots, that nothing else needs."""
    kept = {blob for snapshot in snapshots for blob in snapshot.blobs}
    for event in stores.ledger.events():
        if event.kind != STAGE_FINISHED or event.product != stores.product:
            kept.update(_digests(event.body))
    named = dict.fromkeys(
        d for event in outputs if event.body["stage"] != SNAPSHOT for d in _digests(event.body)
    )
    return [digest for digest in named if digest not in kept and stores.artifacts.has(digest)]


def _digests(body: Mapping[str, Any]) -> list[str]:
    return _DIGEST.findall(canonical_json(body).decode())


def _reports(stores: Stores, unit: Unit) -> Iterator[Path]:
    """Files of deliveries, and measurements of gates that stayed shut, that may name the unit."""
    for delivery in stores.ledger.deliveries.newest(product=stores.product):
        folder = stores.places.delivery(stores.product, delivery.number)
        for path in sorted(folder.rglob("*")):
            if path.suffix in _TEXTS and unit.may_be_named(path.read_text(errors="replace")):
                yield path
    for event in stores.ledger.events(product=stores.product, kind=GATE_SHUT):
        blob = event.body["output"]
        if blob is None or not stores.artifacts.has(blob):
            continue
        if unit.may_be_named(stores.artifacts.get(blob).decode(errors="replace")):
            yield Path(stores.artifacts.path(blob))
