"""interlock verify: the bytes of releases, the signatures about them, the events of the ledger.

Without a release the ledger is read once, at one moment, and held to itself; all else is held to
what its events say, replayed in memory. So nothing is compared with a table that somebody altered,
and nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from interlock.deploy.act import Act
from interlock.deploy.pointer import read_pointer
from interlock.digest import digest_bytes
from interlock.errors import IntegrityError, Mistake, StoreError
from interlock.pipeline.delivery.waiving import GATE_WAIVED, signed_waiver
from interlock.pipeline.rebuilding.origin import anchor
from interlock.pipeline.rows.kept_snapshots import KeptSnapshots, still_there
from interlock.pipeline.rows.tombstones import erased_of, withdrawn
from interlock.release.attest import Attestation
from interlock.release.attest import verify as verify_envelope
from interlock.release.bundle import open_bundle
from interlock.store.atomic import PARTIAL
from interlock.store.ledger import Copy
from interlock.store.rows import ReleaseRow
from interlock.use_cases.exported import Verified, VerifyReport, misplaced, missing, waived_gates
from interlock.use_cases.releases import find_release
from interlock.workspace import Workspace

_READINGS = 3  # where somebody records meanwhile what then lies in the state folder


def verify(
    workspace: Workspace, product: str | None = None, *, what: str | None = None
) -> VerifyReport:
    """One release, or without ``what`` all of them and the ledger. Raises IntegrityError."""
    if what:
        name = workspace.delivered_product(product)
        checked, mistakes = _releases(workspace, name, [find_release(workspace, name, what)])
        return _report(checked, mistakes, events=0)
    for _ in range(_READINGS):
        copy = workspace.ledger.read()
        checked, mistakes = verify_whole(workspace, copy, product)
        if not mistakes or workspace.ledger.head() == copy.head:
            break
    return _report(checked, mistakes, events=copy.head.sequence)


def verify_whole(
    workspace: Workspace, copy: Copy, product: str | None = None
) -> tuple[list[Verified], list[Mistake]]:
    """The ledger as it was read, and all that is held to it; whatever is wrong is found at once."""
    try:
        mistakes = ledger_mistakes(workspace, copy)
    except IntegrityError as error:
        mistakes = list(error.mistakes)
    if copy.broken_at() is None:
        workspace = replace(workspace, ledger=copy.replayed)
    products = workspace.ledger.deliveries.products()
    checked: list[Verified] = []
    for name in [workspace.delivered_product(product)] if product else products:
        found, wrong = _releases(workspace, name, workspace.ledger.releases.newest(name))
        checked += found
        mistakes += wrong
    mistakes += _unknown_to_the_ledger(workspace)
    mistakes += _unsigned_waivers(workspace)
    return checked, mistakes


def ledger_mistakes(workspace: Workspace, copy: Copy) -> list[Mistake]:
    """What is wrong with the chain, or with the tables that follow from it.

    Raises IntegrityError for a signed statement that does not hold: the chain is held to them.
    """
    broken = copy.broken_at(anchor(workspace.notary(), copy.events))
    if broken is not None:
        return [
            Mistake(
                code="R160",
                what="the ledger's chain of events is broken",
                where=f"event {broken}",
                expected="each event to carry the hash of the one before",
                got="an event that was edited, deleted, moved or added",
                fix="restore the ledger from a backup, and find out who wrote to it",
            )
        ]
    if not copy.altered:
        return []
    return [
        Mistake(
            code="R161",
            what="the ledger's tables do not say what its events say",
            where=", ".join(copy.altered),
            expected="tables as the events make them",
            got="rows that were written directly",
            fix="find out who wrote to them; then make them anew of the events: interlock rebuild",
        )
    ]


def _report(checked: list[Verified], mistakes: list[Mistake], *, events: int) -> VerifyReport:
    if mistakes:
        raise IntegrityError.of(mistakes)
    return VerifyReport(checked=tuple(checked), events=events)


def _releases(
    workspace: Workspace, product: str, wanted: Iterable[ReleaseRow]
) -> tuple[list[Verified], list[Mistake]]:
    ledger, keys = workspace.ledger, workspace.notary().keys
    try:
        erased = erased_of(ledger, product, keys)
        kept = KeptSnapshots.of(ledger, workspace.artifacts, product, keys)
    except IntegrityError as error:  # nothing that was erased can be told from what is lost
        return [], list(error.mistakes)
    mistakes: list[Mistake] = []
    checked: list[Verified] = []
    for release in wanted:
        try:
            said = _release(workspace, release)
            kept.verify(release)
            checked.append(replace(said, erased=erased.get(release.bundle, ())))
        except IntegrityError as error:
            mistakes.extend(error.mistakes)
    return checked, mistakes


def _unknown_to_the_ledger(workspace: Workspace) -> list[Mistake]:
    """Proofs and pointers that the ledger does not know: it was cut, replaced, or is gone.

    So with acts that it has and nobody signed.
    """
    places, ledger = workspace.places, workspace.ledger
    found: list[Mistake] = []
    acts: set[tuple[str, str]] = {*ledger.deployments.places(), *ledger.rollouts.places()}
    for folder in sorted(places.all_attestations.glob("*")):
        try:
            said = _said(workspace, folder)
        except IntegrityError as error:
            found.extend(error.mistakes)
            continue
        begun = bool(said) and all(_is_known(workspace, one) for one in said)
        if not begun and not ledger.attestations.about(folder.name):
            found.append(_not_in_ledger(folder))
        acts |= {(act.product, act.environment) for act in map(Act.of_statement, said) if act}
    pointers = sorted(places.pointers.glob("*/*.json"))
    for product, environment in sorted(acts | {(p.stem, p.parent.name) for p in pointers}):
        try:
            found += workspace.switch(product).told(environment).doubts()
        except IntegrityError as error:
            found.extend(error.mistakes)
    for path in pointers:
        try:
            read_pointer(path)
        except StoreError as error:
            if error.code != "L120":
                raise
            found.extend(error.mistakes)  # damaged: all that is wrong is told at once
    return list(dict.fromkeys(found))


def _said(workspace: Workspace, folder: Path) -> list[Attestation]:
    """All that is signed about a bundle. Raises IntegrityError R120, R121, R122."""
    keys = workspace.notary().keys
    paths = sorted(folder.glob("*.json"))
    return [verify_envelope(path.read_bytes(), keys, where=str(path)) for path in paths]


def _is_known(workspace: Workspace, said: Attestation) -> bool:
    """Whether the ledger knows what a statement is of, though it does not list the statement.

    A delivery that was killed between signing and recording leaves such a statement.
    """
    if "delivery" in said.predicate:
        return workspace.ledger.deliveries.get(str(said.predicate["delivery"])) is not None
    act = Act.of_statement(said)
    return act is not None and act in workspace.switch(said.name).recorded(act.environment).acts


def _not_in_ledger(path: Path) -> Mistake:
    return Mistake(
        code="R165",
        what="the ledger does not know what lies in the state folder",
        where=str(path),
        expected="attestations and pointers that the ledger recorded",
        got="something that it has no event of, or other than it recorded",
        fix="restore the ledger from a backup, and find out who changed it; "
        "if it is lost: interlock rebuild",
    )


def _unsigned_waivers(workspace: Workspace) -> list[Mistake]:
    found: list[Mistake] = []
    for event in workspace.ledger.events(kind=GATE_WAIVED):
        try:
            signed_waiver(event, workspace.notary().keys)
        except IntegrityError as error:
            found.extend(error.mistakes)
    return found


def _release(workspace: Workspace, release: ReleaseRow) -> Verified:
    """Bytes against the digest, envelopes against keys, and both against the ledger's list."""
    digest = release.bundle
    files = _files(workspace, release)
    folder = workspace.places.attestations(digest)
    notary = workspace.notary()
    found = {}
    for path in sorted(folder.glob("*")):
        if path.name.startswith(PARTIAL):
            continue  # what a killed process had begun to write
        if not path.is_file() or path.is_symlink():
            raise misplaced(path)
        data = path.read_bytes()
        said = verify_envelope(data, notary.keys, where=str(path))
        if said.subject != digest or path.name != f"{digest_bytes(data)}.json":
            raise misplaced(path)
        found[digest_bytes(data)] = said
    recorded = {row.blob for row in workspace.ledger.attestations.about(digest)}
    for blob in sorted(recorded - set(found)):
        raise missing(folder / f"{blob}.json")
    for blob in sorted(set(found) - recorded):
        if not _is_known(workspace, found[blob]):
            raise misplaced(folder / f"{blob}.json")
    for blob in sorted(recorded):
        workspace.artifacts.get(blob)
    return Verified(
        name=f"{release.product} {release.label}",
        bundle=digest,
        files=files,
        attestations=len(found),
        waived=waived_gates(found.values()),
    )


def _files(workspace: Workspace, release: ReleaseRow) -> int:
    """How many files the bundle has, each verified; none of a release that was withdrawn."""
    place = workspace.artifacts.tree(release.bundle)
    if release.bundle not in withdrawn(workspace.ledger, release.product, workspace.notary().keys):
        return len(open_bundle(place, expected_digest=release.bundle).files) + 1
    if place.exists():
        raise still_there(str(place), release)
    return 0
