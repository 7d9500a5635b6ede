"""interlock verify: the bytes of releases, the signatures about them, the events of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from interlock.digest import digest_bytes
from interlock.errors import IntegrityError, Mistake
from interlock.release.attest import verify as verify_envelope
from interlock.release.bundle import Bundle, open_bundle
from interlock.release.keys import PublicKey
from interlock.use_cases.releases import find_release
from interlock.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A release of which everything verified."""

    name: str
    bundle: str
    files: int
    attestations: int


@dataclass(frozen=True, kw_only=True)
class VerifyReport:
    """What was looked at; ``events`` is the length of the ledger's chain, 0 if not looked at."""

    checked: tuple[Verified, ...]
    events: int


def verify(
    workspace: Workspace, product: str | None = None, *, what: str | None = None
) -> VerifyReport:
    """One release, or without ``what`` all of them and the ledger. Raises IntegrityError."""
    names = [workspace.product_name(product)] if product or what else list(workspace.products)
    mistakes: list[Mistake] = []
    checked: list[Verified] = []
    for name in names:
        wanted = [find_release(workspace, name, what)] if what else workspace.ledger.releases(name)
        for release in wanted:
            try:
                checked.append(_release(workspace, f"{name} {release.label}", release.bundle))
            except IntegrityError as error:
                mistakes.extend(error.mistakes)
    if mistakes:
        raise IntegrityError.of(mistakes)
    return VerifyReport(checked=tuple(checked), events=0 if what else _ledger(workspace))


def _release(workspace: Workspace, name: str, digest: str) -> Verified:
    """Bytes against the digest, envelopes against keys, and both against the ledger's list."""
    bundle = open_bundle(workspace.artifacts.tree(digest), expected_digest=digest)
    folder = workspace.places.attestations(digest)
    notary = workspace.notary()
    found = {}
    for path in sorted(folder.glob("*")):
        data = path.read_bytes()
        said = verify_envelope(data, notary.keys, where=str(path))
        if said.subject != digest or path.name != f"{digest_bytes(data)}.json":
            raise _misplaced(path)
        found[digest_bytes(data)] = said
    recorded = {row.blob for row in workspace.ledger.attestations(digest)}
    for blob in sorted(recorded - set(found)):
        raise _missing(folder / f"{blob}.json")
    for blob in sorted(recorded):
        workspace.artifacts.get(blob)
    return Verified(name=name, bundle=digest, files=len(bundle.files) + 1, attestations=len(found))


def _ledger(workspace: Workspace) -> int:
    broken = workspace.ledger.verify_chain()
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
    return workspace.ledger.head().sequence


def verify_directory(directory: Path) -> VerifyReport:
    """An exported release: its bundle and its attestations, by the public keys beside them."""
    bundle = exported_bundle(directory)
    keys = [
        PublicKey.from_pem(path.read_bytes(), where=str(path))
        for path in sorted((directory / "keys").glob("*.pem"))
    ]
    folder = directory / "attestations" / bundle.digest
    envelopes = sorted(folder.glob("*"))
    if not envelopes:
        raise _missing(folder)
    for path in envelopes:
        if verify_envelope(path.read_bytes(), keys, where=str(path)).subject != bundle.digest:
            raise _misplaced(path)
    checked = Verified(
        name=str(directory),
        bundle=bundle.digest,
        files=len(bundle.files) + 1,
        attestations=len(envelopes),
    )
    return VerifyReport(checked=(checked,), events=0)


def exported_bundle(directory: Path) -> Bundle:
    """The one bundle of an exported release, verified. Raises IntegrityError R164."""
    found = sorted((directory / "bundle").glob("*"))
    if len(found) != 1:
        raise IntegrityError(
            "R164",
            "this is not an exported release",
            where=str(directory),
            expected="a folder made by `interlock export`, with one bundle in it",
            got=f"{len(found)} bundles",
            fix="export the release again",
        )
    return open_bundle(found[0])


def _misplaced(path: Path) -> IntegrityError:
    return IntegrityError(
        "R162",
        "an attestation lies where it does not belong",
        where=str(path),
        expected="attestations about this bundle, each named by its digest",
        got="another name, or another bundle",
        fix="remove the file, and find out who put it there",
    )


def _missing(path: Path) -> IntegrityError:
    return IntegrityError(
        "R163",
        "an attestation that was recorded is gone",
        where=str(path),
        expected="every attestation that the ledger lists",
        got="no such file",
        fix="restore it from a backup; the artifact store may hold its bytes",
    )
