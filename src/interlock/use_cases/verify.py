"""interlock verify: the bytes of releases, the signatures about them, the events of the ledger."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from interlock.deploy.pointer import Pointer, read_pointer
from interlock.digest import digest_bytes
from interlock.errors import IntegrityError, Mistake, StoreError
from interlock.pipeline.delivery.waiving import GATE_WAIVED, signed_waiver
from interlock.pipeline.rows.kept_snapshots import KeptSnapshots, still_there
from interlock.pipeline.rows.tombstones import erased_of, withdrawn
from interlock.release.attest import DEPLOYMENT, Attestation
from interlock.release.attest import verify as verify_envelope
from interlock.release.bundle import open_bundle
from interlock.store.atomic import PARTIAL
from interlock.store.ledger import Ledger
from interlock.store.rows import Head, ReleaseRow
from interlock.use_cases.exported import Verified, VerifyReport, misplaced, missing, waived_gates
from interlock.use_cases.releases import find_release
from interlock.workspace import Workspace


def verify(
    workspace: Workspace, product: str | None = None, *, what: str | None = None
) -> VerifyReport:
    """One release, or without ``what`` all of them and the ledger. Raises IntegrityError."""
    names = (
        [workspace.delivered_product(product)]
        if product or what
        else workspace.ledger.deliveries.products()
    )
    mistakes: list[Mistake] = []
    checked: list[Verified] = []
    for name in names:
        ledger, keys = workspace.ledger, workspace.notary().keys
        try:
            erased = erased_of(ledger, name, keys)
        except IntegrityError as error:  # nothing that was erased can be told from what is lost
            mistakes.extend(error.mistakes)
            continue
        kept = KeptSnapshots.of(ledger, workspace.artifacts, name, keys)
        wanted = (
            [find_release(workspace, name, what)]
            if what
            else workspace.ledger.releases.newest(name)
        )
        for release in wanted:
            try:
                said = _release(workspace, release)
                kept.verify(release)
                checked.append(replace(said, erased=erased.get(release.bundle, ())))
            except IntegrityError as error:
                mistakes.extend(error.mistakes)
    if not what:
        mistakes += _unknown_to_the_ledger(workspace)
    if mistakes:
        raise IntegrityError.of(mistakes)
    return VerifyReport(checked=tuple(checked), events=0 if what else _ledger(workspace))


def _unknown_to_the_ledger(workspace: Workspace) -> list[Mistake]:
    """Proofs and pointers that the ledger does not know: it was cut, replaced, or is gone."""
    places, ledger = workspace.places, workspace.ledger
    found = [
        _not_in_ledger(folder)
        for folder in sorted(places.all_attestations.glob("*"))
        if not ledger.attestations.about(folder.name) and not _begun(workspace, folder)
    ]
    for path in sorted(places.pointers.glob("*/*.json")):
        try:
            said = read_pointer(path)
        except StoreError as error:
            if error.code != "L120":
                raise
            found.extend(error.mistakes)  # damaged: all that is wrong is told at once
            continue
        if said not in _recorded_pointers(ledger, path.stem, path.parent.name):
            found.append(_not_in_ledger(path))
    return found


def _recorded_pointers(ledger: Ledger, product: str, environment: str) -> list[Pointer]:
    """All that a pointer there may have said."""
    deployments = ledger.deployments.newest(product, environment)
    live = {row.generation: row for row in deployments}
    rollouts = ledger.rollouts.newest(product, environment)
    return [
        *(Pointer.of(row) for row in deployments),
        *(Pointer.of(live[act.generation], act) for act in rollouts),
    ]


def _begun(workspace: Workspace, folder: Path) -> bool:
    """Whether a delivery that the ledger knows was signing there when it was interrupted."""
    keys = workspace.notary().keys
    paths = sorted(folder.glob("*.json"))
    return bool(paths) and all(
        _is_known(workspace, verify_envelope(path.read_bytes(), keys, where=str(path)))
        for path in paths
    )


def _is_known(workspace: Workspace, said: Attestation) -> bool:
    """Whether the ledger knows what a statement is of, though it does not list the statement.

    A delivery that was killed between signing and recording leaves such a statement.
    """
    about = said.predicate
    if "delivery" in about:
        return workspace.ledger.deliveries.get(str(about["delivery"])) is not None
    where = said.name, str(about["environment"])
    deployed = workspace.ledger.deployments.newest(*where)
    tried = workspace.ledger.rollouts.newest(*where)
    recorded = [(row.generation, row.bundle) for row in deployed]
    recorded += [(row.generation, row.bundle) for row in tried]
    return (about["generation"], said.subject) in recorded


def _not_in_ledger(path: Path) -> Mistake:
    return Mistake(
        code="R165",
        what="the ledger does not know what lies in the state folder",
        where=str(path),
        expected="attestations and pointers that the ledger recorded",
        got="something that it has no event of, or other than it recorded",
        fix="restore the ledger from a backup, and find out who changed it",
    )


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


def _anchor(workspace: Workspace) -> Head | None:
    """The latest end of the chain that a deployment's attestation signed: it may not be cut."""
    keys = workspace.notary().keys
    heads = []
    for path in sorted(workspace.places.all_attestations.glob("*/*.json")):
        said = verify_envelope(path.read_bytes(), keys, where=str(path))
        if said.predicate_type == DEPLOYMENT:
            signed = said.predicate["ledger"]
            heads.append(Head(sequence=signed["sequence"], hash=signed["hash"]))
    return max(heads, key=lambda head: head.sequence, default=None)


def _ledger(workspace: Workspace) -> int:
    broken = workspace.ledger.verify_chain(_anchor(workspace))
    if broken is not None:
        raise IntegrityError(
            "R160",
            "the ledger's chain of events is broken",
            where=f"event {broken}",
            expected="each event to carry the hash of the one before",
            got="an event that was edited, deleted, moved or added",
            fix="restore the ledger from a backup, and find out who wrote to it",
        )
    altered = workspace.ledger.altered_projections()
    if altered:
        raise IntegrityError(
            "R161",
            "the ledger's tables do not say what its events say",
            where=", ".join(altered),
            expected="tables as the events make them",
            got="rows that were written directly",
            fix="find out who wrote to them; they can be rebuilt from the events",
        )
    for event in workspace.ledger.events(kind=GATE_WAIVED):
        signed_waiver(event, workspace.notary().keys)
    return workspace.ledger.head().sequence
