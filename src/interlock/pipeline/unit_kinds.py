"""Of which types the parts of a unit's key are, as each release of a product declares them.

So a key that somebody types is what the release would make of it: the number 7 is ``7``, ``07`` and
``7.0``, the text "07" is that alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from interlock.data.unit import texts_of
from interlock.serve.log.view import Written
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger

Kinds = tuple[str, ...]


def unit_kinds(ledger: Ledger, artifacts: ArtifactStore, product: str) -> dict[Kinds, list[str]]:
    """The digests of the releases by the kinds of their unit's parts; none of a withdrawn one."""
    found: dict[Kinds, list[str]] = {}
    for release in ledger.releases.newest(product):
        place = artifacts.tree(release.bundle)
        if (place / "answer.json").is_file():
            found.setdefault(_kinds(place), []).append(release.bundle)
    return found


def _kinds(bundle: Path) -> Kinds:
    answer, request, features = (
        json.loads((bundle / f"{name}.json").read_bytes())
        for name in ("answer", "request", "features")
    )
    kinds = {row["name"]: row["kind"] for row in request["fields"]}
    kinds |= {row["name"]: row["kind"] for row in features["request"]}
    return tuple(str(kinds.get(name, "str")) for name in answer["entity"])


def written(kinds: Mapping[Kinds, Sequence[str]], key: Sequence[str]) -> tuple[Written, ...]:
    """How the key may stand in the log: as it was typed, or as a release writes what it names.

    >>> written({("int",): ["a"], ("str",): ["b"]}, ["07"])[0]
    Written(parts=(('7',),), digests=('a',), others=False)
    """
    found = []
    known = tuple(digest for digests in kinds.values() for digest in digests)
    as_typed = tuple((part,) for part in key)
    for types, digests in kinds.items():
        if len(types) == len(key):
            parts = tuple(texts_of(kind, part) for kind, part in zip(types, key, strict=True))
            found.append(Written(parts=parts, digests=tuple(digests)))
    return (*found, Written(parts=as_typed, digests=known, others=True))
