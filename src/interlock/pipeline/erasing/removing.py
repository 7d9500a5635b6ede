"""Erasing what was found: on record first, then from the disk, so that it can be done again."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.clock import SECOND
from interlock.pipeline.erasing.bundles import HeldBundle
from interlock.pipeline.erasing.finding import Copies
from interlock.pipeline.erasing.stores import Stores
from interlock.pipeline.rows.tombstones import (
    RELEASE_HOLDS,
    RELEASE_WITHDRAWN,
    SNAPSHOT_ERASED,
    bury,
    erased_of,
    signed,
    snapshot_of,
    tombstones,
    withdrawn,
)

_BEING_WRITTEN = 60.0  # seconds; who stores rows is held off, and what is signed takes less


@dataclass(frozen=True, kw_only=True)
class Removed:
    """What is gone: snapshots, how many files stages had made, releases by their labels.

    ``unreproducible`` are the labels of releases made of the snapshots, ``live`` of releases that
    hold the unit and stay while they are live.
    """

    snapshots: tuple[str, ...] = ()
    files: int = 0
    unreproducible: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    live: tuple[HeldBundle, ...] = ()


def remove(
    stores: Stores, copies: Copies, *, entity: str, at: int, by: str, reason: str
) -> Removed:
    """Bury and delete the snapshots and what was made of them; withdraw releases not live.

    Nobody may deliver or store rows meanwhile. ``entity`` is the digest of the unit: a release that
    holds it is marked before anything goes that it is recognised by. Raises StoreError L101, L102;
    IntegrityError R171, before anything is deleted, where the ledger has an erasure that nobody
    signed.
    """
    ledger, product, keys = stores.ledger, stores.product, stores.notary.keys
    erased_of(ledger, product, keys)
    facts = {"by": by, "reason": reason}
    known = tombstones(ledger, product, keys)
    _mark(stores, copies, entity=entity, at=at, facts=facts)
    for snapshot in copies.snapshots:
        buried = known[snapshot.snapshot].blobs if snapshot.snapshot in known else ()
        blobs = [blob for blob in snapshot.blobs if blob not in buried]
        if blobs:
            bury(
                stores.notary,
                SNAPSHOT_ERASED,
                subject=snapshot.snapshot,
                product=product,
                facts={"blobs": blobs, "sources": sorted(snapshot.sources), **facts},
                at=at,
            )
    ledger.stages.forget(copies.stages, product=product, at=at)
    for bundle in copies.unreleased:
        stores.artifacts.delete_tree(bundle)
    for blob in (*copies.derived, *(b for s in copies.snapshots for b in s.blobs)):
        stores.artifacts.delete(blob)
    stores.artifacts.sweep(at / SECOND - _BEING_WRITTEN)
    erased = tuple(snapshot.snapshot for snapshot in copies.snapshots)
    releases = ledger.releases.newest(product)
    return Removed(
        snapshots=erased,
        files=len(copies.derived) + len(copies.unreleased),
        unreproducible=tuple(r.label for r in releases if snapshot_of(r) in erased),
        withdrawn=_withdraw(stores, at=at, facts=facts),
        live=_live(stores, entity),
    )


def _mark(stores: Stores, copies: Copies, *, entity: str, at: int, facts: dict[str, str]) -> None:
    """Record which releases hold the unit, once."""
    marked = {(bundle, files) for bundle, files in marks(stores, entity)}
    for held in copies.bundles:
        if (held.bundle, held.files) not in marked:
            bury(
                stores.notary,
                RELEASE_HOLDS,
                subject=held.bundle,
                product=stores.product,
                facts={"files": list(held.files), "entity": entity, **facts},
                at=at,
            )


def marks(stores: Stores, entity: str) -> list[tuple[str, tuple[str, ...]]]:
    """Bundles that were found to hold the unit, and in which files; older marks name no unit."""
    events = signed(stores.ledger, stores.product, RELEASE_HOLDS, stores.notary.keys)
    return [
        (event.subject, tuple(event.body["files"]))
        for event in events
        if event.body.get("entity") in (None, entity)
    ]


def _live(stores: Stores, entity: str) -> tuple[HeldBundle, ...]:
    """The releases that hold the unit and are live.

    They are told by their marks: what they are recognised by goes with the first erasure.
    """
    files: dict[str, dict[str, None]] = {}
    for bundle, some in marks(stores, entity):
        files.setdefault(bundle, {}).update(dict.fromkeys(some))
    answering = stores.answering()
    return tuple(
        HeldBundle(
            bundle=release.bundle,
            label=release.label,
            files=tuple(files[release.bundle]),
            live_in=answering[release.bundle],
        )
        for release in stores.ledger.releases.newest(stores.product)
        if release.bundle in files and release.bundle in answering
    )


def _withdraw(stores: Stores, *, at: int, facts: dict[str, str]) -> tuple[str, ...]:
    """Delete the bundles of releases that hold an erased unit and are not live; their labels."""
    ledger, product, notary = stores.ledger, stores.product, stores.notary
    marked = {e.subject for e in signed(ledger, product, RELEASE_HOLDS, notary.keys)}
    done = withdrawn(ledger, product, notary.keys)
    gone = []
    for release in ledger.releases.newest(product):
        if release.bundle not in marked or release.bundle in stores.answering():
            continue
        if release.bundle not in done:
            bury(
                notary,
                RELEASE_WITHDRAWN,
                subject=release.bundle,
                product=product,
                facts=facts,
                at=at,
            )
            gone.append(release.label)
        if release.bundle not in stores.answering():  # who returned to it had looked before that
            stores.artifacts.delete_tree(release.bundle)
    return tuple(gone)
