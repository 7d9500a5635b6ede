"""What stands in the ledger for stored rows that were erased: snapshots, and whole releases.

Invariants: a tombstone is recorded before the first byte is deleted, so that what is missing
without one is a defect; it names what was deleted by digests and never the unit; it is never taken
back: rows with the digest of erased ones are not stored again. It is signed: who can write to the
ledger but not sign cannot make a release look erased, nor a loss look meant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from interlock.clock import format_instant
from interlock.digest import digest_json
from interlock.errors import AuthorError, IntegrityError, OperatorError
from interlock.pipeline.notary import Notary
from interlock.release.attest import sign, verify
from interlock.release.keys import PublicKey
from interlock.release.statements import erasure_statement
from interlock.store.ledger import Ledger
from interlock.store.projections import STAGE_FINISHED
from interlock.store.rows import Event, ReleaseRow

SNAPSHOT_ERASED = "snapshot erased"
RELEASE_HOLDS = "release holds erased rows"
RELEASE_WITHDRAWN = "release withdrawn"
SNAPSHOT = "snapshot"  # the stage


@dataclass(frozen=True, kw_only=True)
class Tombstone:
    """An erased snapshot: its identity, as bundles name it, the blobs deleted, and when."""

    snapshot: str
    blobs: tuple[str, ...]
    at: int

    @classmethod
    def of(cls, event: Event) -> Tombstone:
        """The tombstone of an event."""
        return cls(snapshot=event.subject, blobs=tuple(event.body["blobs"]), at=event.at)

    @property
    def sentence(self) -> str:
        """What a release made of that snapshot says of itself."""
        day = format_instant(self.at)[:10]
        return f"not reproducible: snapshot {self.snapshot[:12]} was erased on {day}"


@dataclass(frozen=True, kw_only=True)
class StoredSnapshot:
    """The blobs of one snapshot of all sources: by source its usable and its quarantined rows."""

    snapshot: str
    sources: Mapping[str, tuple[str, ...]]

    @property
    def blobs(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(blob for blobs in self.sources.values() for blob in blobs)


def bury(
    notary: Notary, kind: str, *, subject: str, product: str, facts: Mapping[str, Any], at: int
) -> None:
    """Sign and record what is done to a snapshot or a bundle, by its digest."""
    said = erasure_statement(subject=subject, product=product, act=kind, facts=facts, at=at)
    envelope = sign(said, notary.key).decode()
    body = {**facts, "envelope": envelope}
    notary.ledger.append(kind, subject=subject, product=product, body=body, at=at)


def signed(ledger: Ledger, product: str, kind: str, keys: Collection[PublicKey]) -> list[Event]:
    """The acts of that kind, oldest first, each as it was signed.

    Raises IntegrityError R120, R121, R122 or R171.
    """
    found = ledger.events(product=product, kind=kind)
    for event in found:
        _require_signed(event, keys)
    return found


def _require_signed(event: Event, keys: Collection[PublicKey]) -> None:
    where = f"event {event.sequence} of the ledger"
    facts = {name: value for name, value in event.body.items() if name != "envelope"}
    envelope = event.body.get("envelope")
    if not isinstance(envelope, str):
        raise _misfit(where, "one that nobody signed")
    said = verify(envelope.encode(), keys, where=where)
    meant = erasure_statement(
        subject=event.subject, product=event.product, act=event.kind, facts=facts, at=event.at
    )
    if (said.subject, said.name, said.predicate_type, dict(said.predicate)) != (
        meant.subject,
        meant.name,
        meant.predicate_type,
        dict(meant.predicate),
    ):
        raise _misfit(where, "one that was signed for something else")


def _misfit(where: str, got: str) -> IntegrityError:
    return IntegrityError(
        "R171",
        "a recorded erasure is not what was signed",
        where=where,
        expected="an erasure signed for just what the event is about",
        got=got,
        fix="find out who wrote to the ledger, and restore it and what is missing from a backup",
        untouched="what is live",
    )


def tombstones(ledger: Ledger, product: str, keys: Collection[PublicKey]) -> dict[str, Tombstone]:
    """The erased snapshots of a product; of several acts on one, the first counts.

    Raises IntegrityError as :func:`signed` does.
    """
    return _tombstones(signed(ledger, product, SNAPSHOT_ERASED, keys))


def _tombstones(events: Iterable[Event]) -> dict[str, Tombstone]:
    found: dict[str, Tombstone] = {}
    for event in events:
        known = found.get(event.subject)
        stone = Tombstone.of(event)
        at = stone.at if known is None else known.at
        blobs = stone.blobs if known is None else (*known.blobs, *stone.blobs)
        found[event.subject] = Tombstone(snapshot=event.subject, blobs=blobs, at=at)
    return found


def snapshot_identity(output: Mapping[str, Any]) -> str:
    """The identity of a snapshot stage's output, as a bundle's inputs name it."""
    return digest_json({name: kept["manifest"]["digest"] for name, kept in output.items()})


def stored_snapshots(ledger: Ledger, product: str) -> Iterator[StoredSnapshot]:
    """Every snapshot that a stage of the product ever put out, oldest first."""
    for event in ledger.events(product=product, kind=STAGE_FINISHED):
        if event.body["stage"] == SNAPSHOT:
            output = event.body["output"]
            yield StoredSnapshot(
                snapshot=snapshot_identity(output),
                sources={n: (k["rows"], k["quarantined"]) for n, k in output.items()},
            )


def snapshot_of(release: ReleaseRow) -> str:
    """The identity of the snapshot that a release was made of."""
    return str(release.facts.get("data", {}).get("snapshot", ""))


def withdrawn(ledger: Ledger, product: str, keys: Collection[PublicKey]) -> dict[str, int]:
    """The releases that were withdrawn, by bundle, and when.

    Raises IntegrityError as :func:`signed` does.
    """
    return {e.subject: e.at for e in signed(ledger, product, RELEASE_WITHDRAWN, keys)}


def erased_of(
    ledger: Ledger, product: str, keys: Collection[PublicKey]
) -> dict[str, tuple[str, ...]]:
    """What erasures did to releases: sentences by bundle, of those that there is one about.

    Raises IntegrityError as :func:`signed` does.
    """
    stones, gone = tombstones(ledger, product, keys), withdrawn(ledger, product, keys)
    held: dict[str, dict[str, None]] = {}
    for event in signed(ledger, product, RELEASE_HOLDS, keys):
        held.setdefault(event.subject, {}).update(dict.fromkeys(event.body["files"]))
    found = {}
    for release in ledger.releases.newest(product):
        said = []
        if release.bundle in gone:
            day = format_instant(gone[release.bundle])[:10]
            said.append(f"withdrawn on {day}: it held an erased unit's row")
        elif release.bundle in held:
            files = " and ".join(held[release.bundle])
            said.append(f"holds an erased unit's row in {files}: deliver anew, then erase again")
        if snapshot_of(release) in stones:
            said.append(stones[snapshot_of(release)].sentence)
        if said:
            found[release.bundle] = tuple(said)
    return found


def require_not_withdrawn(ledger: Ledger, product: str, bundle: str, label: str) -> None:
    """Raises OperatorError E145 for a release that was withdrawn, whoever says so."""
    events = ledger.events(product=product, kind=RELEASE_WITHDRAWN)
    at = {event.subject: event.at for event in events}.get(bundle)
    if at is not None:
        raise OperatorError(
            "E145",
            f"release {label} was withdrawn",
            where=f"product {product}",
            expected="a release whose bundle is kept",
            got=f"one that held an erased unit's row, deleted on {format_instant(at)[:10]}",
            fix="name another release; see `interlock history`",
        )


def any_erased(ledger: Ledger, product: str) -> bool:
    """Whether rows of the product's sources were ever erased, whoever says so."""
    return bool(ledger.events(product=product, kind=SNAPSHOT_ERASED))


def refuse_erased(ledger: Ledger, product: str, blobs: Mapping[str, Collection[str]]) -> None:
    """Raises AuthorError D116 where a source's rows, by their blobs, are ones that were erased.

    Whoever says so: to store too little can be made good.
    """
    stones = _tombstones(ledger.events(product=product, kind=SNAPSHOT_ERASED))
    erased = {blob: stone for stone in stones.values() for blob in stone.blobs}
    for source, digests in blobs.items():
        stone = next((erased[d] for d in digests if d in erased), None)
        if stone is not None:
            raise AuthorError(
                "D116",
                "a source still holds rows that were erased",
                where=f"source {source}",
                expected="rows without the unit that was erased",
                got=f"the rows of a snapshot that was erased on {format_instant(stone.at)[:10]}",
                fix="remove the unit from the source, then deliver again",
                untouched="what is live",
            )
