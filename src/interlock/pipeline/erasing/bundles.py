"""Releases that hold a unit's rows themselves.

Rules:

- a bundle holds the unit when one of its golden requests is about it, or is that of an example
  about it, or when one of the rows it explains answers with has such an example's inputs;
- bundles of deliveries that made no release are what stages made, like everything else of theirs;
- what a model, an encoder or a profile has learned from the unit is not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interlock.pipeline.building.golden import plain_request
from interlock.pipeline.erasing.stores import Stores
from interlock.pipeline.erasing.unit import Unit
from interlock.release.manifest import MANIFEST
from interlock.store.rows import Event

_EXAMPLES = "features"  # the stage that puts out the examples' table


@dataclass(frozen=True, kw_only=True)
class HeldBundle:
    """A release that holds the unit, in which of its files, and where it is live."""

    bundle: str
    label: str
    files: tuple[str, ...]
    live_in: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Example:
    """A stored example about the unit: its request as JSON has it, and its model inputs."""

    request: Mapping[str, Any]
    inputs: Mapping[str, Any]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> _Example:
        """From a row of the examples' table: a feature goes before a request field of its name."""
        request = _prefixed(row, "request.")
        return cls(request=plain_request(request), inputs={**request, **_prefixed(row, "feature.")})


def _prefixed(row: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): v for name, v in row.items() if name.startswith(prefix)}


def _examples(stores: Stores, unit: Unit, outputs: Iterable[Event]) -> Iterator[_Example]:
    """Every stored example about the unit."""
    blobs = {e.body["output"]["table"] for e in outputs if e.body["stage"] == _EXAMPLES}
    for blob in sorted(blobs):
        if not stores.artifacts.has(blob):
            continue
        table = stores.table(blob)
        rows = unit.rows(table)
        if rows is not None:
            yield from map(_Example.of, table.filter(rows).to_pylist())


def held_bundles(stores: Stores, unit: Unit, outputs: Iterable[Event]) -> Iterator[HeldBundle]:
    """The releases that hold the unit; ``outputs`` are the events of stages that ended."""
    known = list(_examples(stores, unit, outputs))
    answering = stores.answering()
    for release in stores.ledger.releases.newest(stores.product):
        place = stores.artifacts.tree(release.bundle)
        files = []
        if _golden_holds(place / "golden.json", unit, known):
            files.append("golden.json")
        if _background_holds(place / "background.json", known):
            files.append("background.json")
        if files:
            yield HeldBundle(
                bundle=release.bundle,
                label=release.label,
                files=tuple(files),
                live_in=answering.get(release.bundle, ()),
            )


def unreleased(stores: Stores) -> Iterator[str]:
    """The bundles of the product that no release has: of deliveries that were stopped or died."""
    for digest in stores.artifacts.trees():
        if stores.ledger.releases.get(digest) is None:
            product = _said_product(stores.artifacts.tree(digest) / MANIFEST)
            if product in (None, stores.product):
                yield digest


def _said_product(path: Path) -> str | None:
    """Whose bundle it says that it is; None where it cannot say: then it can be nobody's."""
    try:
        return str(_json(path)["product"])
    except (ValueError, KeyError, TypeError):
        return None


def _golden_holds(path: Path, unit: Unit, known: Sequence[_Example]) -> bool:
    requests = [row["request"] for row in _json(path) or ()]
    return any(unit.is_request(r) or any(e.request == r for e in known) for r in requests)


def _background_holds(path: Path, known: Sequence[_Example]) -> bool:
    columns = (_json(path) or {"columns": {}})["columns"]
    rows = zip(*columns.values(), strict=True)
    return any(
        all(_same(e.inputs.get(name), value) for name, value in zip(columns, row, strict=True))
        for row in rows
        for e in known
    )


def _json(path: Path) -> Any:
    return json.loads(path.read_bytes()) if path.is_file() else None


def _same(known: Any, kept: Any) -> bool:
    """Whether a value of a table is what JSON has of it: missing is null, truths are numbers."""
    if known is None or known != known or kept is None:
        return kept is None and (known is None or known != known)
    return bool(known == kept) if isinstance(kept, str) else bool(float(known) == float(kept))
