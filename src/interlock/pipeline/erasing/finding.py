"""Where deliveries keep a unit's rows: snapshots, what stages made of them, bundles, reports.

Rules:

- a snapshot holds the unit when a row of one of its tables has the unit's key;
- once one does, everything that stages of the product put out is taken to hold it, but for the
  snapshots that do not: it can all be computed again;
- a bundle holds it when one of its golden requests is about it, or one of the rows it explains
  answers with has the inputs of an example about it. What a model has learned is not looked at;
- what attestations, waivers or other products refer to is never deleted.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from interlock.deploy.challenger import running
from interlock.digest import canonical_json
from interlock.pipeline.erasing.unit import Unit
from interlock.pipeline.places import Places
from interlock.pipeline.tombstones import SNAPSHOT, StoredSnapshot, stored_snapshots
from interlock.pipeline.waiving import GATE_SHUT
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger
from interlock.store.projections import STAGE_FINISHED
from interlock.store.rows import Event

_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_EXAMPLES = "features"  # the stage that puts out the examples' table
_TEXTS = (".html", ".md", ".json", ".xml", ".txt")


@dataclass(frozen=True, kw_only=True)
class HeldBundle:
    """A release that holds the unit, in which of its files, and where it is live."""

    bundle: str
    label: str
    files: tuple[str, ...]
    live_in: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Copies:
    """What was found. ``snapshots`` have only the blobs that are to go.

    ``derived`` are blobs that stages made, ``stages`` the keys whose outputs name any of these
    blobs, ``reports`` files that may name the unit, ``unsearched`` sources without its key.
    """

    snapshots: tuple[StoredSnapshot, ...] = ()
    derived: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    bundles: tuple[HeldBundle, ...] = ()
    reports: tuple[Path, ...] = ()
    unsearched: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Stores:
    """Where a product's deliveries keep things."""

    product: str
    ledger: Ledger
    artifacts: ArtifactStore
    places: Places
    environments: tuple[str, ...]

    def answering(self) -> dict[str, tuple[str, ...]]:
        """The environments where a bundle answers or runs beside what does, by bundle."""
        found: dict[str, tuple[str, ...]] = {}
        for name in self.environments:
            live = self.ledger.deployment(self.product, name)
            beside = running(live, self.ledger.rollout(self.product, name))
            for row in (live, beside):
                if row is not None:
                    found[row.bundle] = (*found.get(row.bundle, ()), name)
        return found


def find(stores: Stores, unit: Unit) -> Copies:
    """Every copy of the unit's rows. Raises StoreError or IntegrityError for damaged blobs."""
    snapshots = list(stored_snapshots(stores.ledger, stores.product))
    held, unsearched = _held(stores, unit, snapshots)
    found = _holding(snapshots, held)
    outputs = stores.ledger.events(product=stores.product, kind=STAGE_FINISHED)
    derived = _derived(stores, snapshots, outputs) if found else []
    gone = held | set(derived)
    return Copies(
        snapshots=tuple(found),
        derived=tuple(derived),
        stages=tuple(dict.fromkeys(e.subject for e in outputs if gone & set(_digests(e.body)))),
        bundles=tuple(_bundles(stores, unit, _inputs(stores, unit, outputs))),
        reports=tuple(_reports(stores, unit)),
        unsearched=tuple(sorted(unsearched)),
    )


def _held(
    stores: Stores, unit: Unit, snapshots: Sequence[StoredSnapshot]
) -> tuple[set[str], set[str]]:
    """The blobs of snapshots with the unit's rows, and sources that do not tell."""
    held, unsearched, seen = set(), set(), set()
    for snapshot in snapshots:
        for source, blobs in snapshot.sources.items():
            for number, blob in enumerate(blobs):
                if blob in seen or not stores.artifacts.has(blob):
                    continue
                seen.add(blob)
                rows = unit.rows(_table(stores, blob))
                if rows is not None and rows.any():
                    held.add(blob)
                elif rows is None and number == 0:  # a table of nothing quarantined has no columns
                    unsearched.add(source)
    return held, unsearched


def _table(stores: Stores, blob: str) -> Any:
    return pq.ParquetFile(io.BytesIO(stores.artifacts.get(blob))).read()


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


def _inputs(stores: Stores, unit: Unit, outputs: Iterable[Event]) -> list[dict[str, Any]]:
    """The model inputs of every stored example about the unit, by input."""
    blobs = {e.body["output"]["table"] for e in outputs if e.body["stage"] == _EXAMPLES}
    found: list[dict[str, Any]] = []
    for blob in sorted(blobs):
        if not stores.artifacts.has(blob):
            continue
        table = _table(stores, blob)
        rows = unit.rows(table)
        if rows is not None:
            found += [_plain(row) for row in table.filter(rows).to_pylist()]
    return found


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """An example's columns by input: a feature goes before a request field of its name."""
    request = {n.removeprefix("request."): v for n, v in row.items() if n.startswith("request.")}
    feature = {n.removeprefix("feature."): v for n, v in row.items() if n.startswith("feature.")}
    return {**request, **feature}


def _bundles(
    stores: Stores, unit: Unit, inputs: Sequence[Mapping[str, Any]]
) -> Iterator[HeldBundle]:
    answering = stores.answering()
    for release in stores.ledger.releases(stores.product):
        place = stores.artifacts.tree(release.bundle)
        files = []
        if _golden_holds(place / "golden.json", unit):
            files.append("golden.json")
        if _background_holds(place / "background.json", inputs):
            files.append("background.json")
        if files:
            yield HeldBundle(
                bundle=release.bundle,
                label=release.label,
                files=tuple(files),
                live_in=answering.get(release.bundle, ()),
            )


def _golden_holds(path: Path, unit: Unit) -> bool:
    return any(unit.is_request(row["request"]) for row in _json(path) or ())


def _background_holds(path: Path, inputs: Sequence[Mapping[str, Any]]) -> bool:
    columns = (_json(path) or {"columns": {}})["columns"]
    rows = zip(*columns.values(), strict=True)
    return any(
        all(_same(known.get(name), value) for name, value in zip(columns, row, strict=True))
        for row in rows
        for known in inputs
    )


def _json(path: Path) -> Any:
    return json.loads(path.read_bytes()) if path.is_file() else None


def _same(known: Any, kept: Any) -> bool:
    """Whether a value of a table is what JSON has of it: missing is null, truths are numbers."""
    if known is None or known != known or kept is None:
        return kept is None and (known is None or known != known)
    return bool(known == kept) if isinstance(kept, str) else bool(float(known) == float(kept))


def _reports(stores: Stores, unit: Unit) -> Iterator[Path]:
    """Files of deliveries, and measurements of gates that stayed shut, that may name the unit."""
    for delivery in stores.ledger.deliveries(product=stores.product):
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
