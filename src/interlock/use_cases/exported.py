"""An exported release: verified and served where there is neither project nor ledger.

Nothing here imports a training library, so that a machine which only serves needs none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from msgspec import structs

from interlock.deploy.policy import Policy
from interlock.errors import BlockedError, IntegrityError, OperatorError
from interlock.release.attest import RELEASE, Attestation
from interlock.release.attest import verify as verify_envelope
from interlock.release.bundle import Bundle, open_bundle
from interlock.release.keys import PublicKey
from interlock.release.waiver import waivers_among
from interlock.serve.loaded.admission import require_admission
from interlock.serve.plan import STDERR, ServePlan
from interlock.serve.workers.process import start
from interlock.serve.workers.waiting import until_told
from interlock.wording import counted


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A service that runs: where it answers, and what it answers with."""

    url: str
    product: str
    environment: str
    label: str
    replay: bool


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A release of which everything verified; ``waived`` are gates that it was let past.

    ``erased`` is what recorded erasures took of it. Of an export ``signers`` are the ids of the
    keys it is signed with, and ``known`` says whether these were named by who asked: else they are
    the keys that lie beside it, which whoever made the folder has put there.
    """

    name: str
    bundle: str
    files: int
    attestations: int
    signers: tuple[str, ...] = ()
    known: bool = False
    waived: tuple[str, ...] = ()
    erased: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class VerifyReport:
    """What was looked at; ``events`` is the length of the ledger's chain, 0 if not looked at."""

    checked: tuple[Verified, ...]
    events: int


def verify_directory(directory: Path, known: Sequence[str] = ()) -> VerifyReport:
    """An exported release: its bundle and its attestations, by the public keys beside them.

    ``known`` are keys that the reader has from elsewhere, as files or ids: then everything must be
    signed by one of these. Raises IntegrityError, OperatorError R132 for a file that is no key.
    """
    bundle = exported_bundle(directory)
    keys = exported_keys(directory)
    if known:
        keys = [_known_key(one, keys, directory) for one in known]
    envelopes = exported_statements(directory, bundle.digest, keys)
    _require_proofs(directory, bundle, keys)
    checked = Verified(
        name=str(directory),
        bundle=bundle.digest,
        files=len(bundle.files) + 1,
        attestations=len(envelopes),
        signers=tuple(sorted({said.signer for said in envelopes})),
        known=bool(known),
        waived=waived_gates(envelopes),
    )
    return VerifyReport(checked=(checked,), events=0)


def _known_key(known: str, beside: Sequence[PublicKey], directory: Path) -> PublicKey:
    """The key in a file, or that of an id among those beside the export.

    Raises OperatorError R132 for what is neither, IntegrityError R169 for another key's id.
    """
    if Path(known).is_file():
        return PublicKey.from_pem(Path(known).read_bytes(), where=known)
    if re.fullmatch(r"[0-9a-f]{64}", known.lower()) is None:
        raise OperatorError(
            "R132",
            "there is no such file of a key",
            where=known,
            expected="a file with an Ed25519 public key in PEM, or a whole id (64 digits, 0 to f)",
            got="no such file",
            fix=f"correct the path; the keys that came with it are in {directory / 'keys'}",
        )
    found = [key for key in beside if key.keyid == known.lower()]
    if not found:
        raise IntegrityError(
            "R169",
            "the exported release does not come with the key that was named",
            where=str(directory),
            expected=f"the key {known}",
            got=", ".join(key.keyid for key in beside) or "no key",
            fix="compare ids with who signed the release",
        )
    return found[0]


def waived_gates(statements: Iterable[Attestation]) -> tuple[str, ...]:
    """The gates that a release was let past by waivers."""
    return tuple(dict.fromkeys(waiver.gate for waiver in waivers_among(statements)))


def _require_proofs(directory: Path, bundle: Bundle, keys: list[PublicKey]) -> None:
    """Raises IntegrityError R166 unless the attestations prove what serving will ask for."""
    try:
        require_admission(bundle, exported_plan(directory, bundle.product, bundle.digest, keys))
    except BlockedError as error:
        raise IntegrityError(
            "R166",
            "the exported release is not proven by what lies beside it",
            where=str(directory),
            expected=error.mistakes[0].expected,
            got=error.mistakes[0].got,
            fix="export the release again",
        ) from None


def exported_keys(directory: Path) -> list[PublicKey]:
    """The public keys that came with an exported release, each byte as it was exported.

    Raises OperatorError R132 for what is no key, IntegrityError R168 for one written otherwise.
    """
    return [_exported_key(path) for path in sorted((directory / "keys").glob("*.pem"))]


def _exported_key(path: Path) -> PublicKey:
    written = path.read_bytes()
    key = PublicKey.from_pem(written, where=str(path))
    if written != key.pem() or path.name != f"{key.keyid}.pem":
        raise _altered_key(path)
    return key


def exported_statements(directory: Path, digest: str, keys: list[PublicKey]) -> list[Attestation]:
    """What is signed about an exported release. Raises IntegrityError."""
    folder = directory / "attestations" / digest
    found = []
    for path in sorted(folder.glob("*")):
        if not path.is_file() or path.is_symlink():
            raise misplaced(path)
        said = verify_envelope(path.read_bytes(), keys, where=str(path))
        if said.subject != digest:
            raise misplaced(path)
        found.append(said)
    if not found:
        raise missing(folder)
    return found


def exported_bundle(directory: Path) -> Bundle:
    """The one bundle of an exported release, verified. Raises IntegrityError R164."""
    found = sorted((directory / "bundle").glob("*"))
    if len(found) != 1:
        raise IntegrityError(
            "R164",
            "this is not an exported release",
            where=str(directory),
            expected="a folder made by `interlock export`, with one bundle in it",
            got=counted(len(found), "bundle"),
            fix="export the release again",
        )
    return open_bundle(found[0])


def serve_exported(
    directory: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    workers: int = 1,
    access_log: bool = False,
    telemetry: bool = False,
    token_file: str | None = None,
    online: Path | None = None,
    log: Path | None = None,
    on_ready: Callable[[Serving], None] = lambda serving: None,
) -> None:
    """Serve an exported release where there is neither project nor ledger. Blocks."""
    bundle = exported_bundle(directory)
    keys = exported_keys(directory)
    plan = exported_plan(directory, bundle.product, bundle.digest, keys)
    plan = structs.replace(
        plan,
        host=host,
        port=port,
        workers=workers,
        access_log=STDERR if access_log else None,
        telemetry=telemetry,
        token_file=token_file,
        online=str(online) if online else plan.online,
        log=str(log) if log else plan.log,
    )
    with start(plan, aloud=True) as service:
        answering = Serving(
            url=service.url,
            product=bundle.product,
            environment=plan.environment,
            label=plan.label,
            replay=False,
        )
        until_told(service, partial(on_ready, answering))


def exported_plan(directory: Path, product: str, digest: str, keys: list[PublicKey]) -> ServePlan:
    """The plan of an exported release; its policy asks for the three gates."""
    said = exported_statements(directory, digest, keys)
    labels = [str(s.predicate["label"]) for s in said if s.predicate_type == RELEASE]
    return ServePlan(
        label=labels[0] if labels else "",
        product=product,
        environment="exported",
        bundle=str(directory / "bundle" / digest),
        digest=digest,
        attestations=str(directory / "attestations"),
        policy=Policy(allow_dirty=True, trusted=tuple(key.keyid for key in keys)),
        trusted_keys=tuple(key.pem().decode() for key in keys),
        online=str(directory / "online"),
        log=str(directory / "log"),
    )


def misplaced(path: Path) -> IntegrityError:
    """The error for an attestation in the wrong place."""
    return IntegrityError(
        "R162",
        "an attestation lies where it does not belong",
        where=str(path),
        expected="attestations about this bundle, each named by its digest",
        got="another name, or another bundle",
        fix="remove the file, and find out who put it there",
    )


def _altered_key(path: Path) -> IntegrityError:
    return IntegrityError(
        "R168",
        "a public key is not as it was exported",
        where=str(path),
        expected="the bytes that `interlock export` writes, in a file named by the key's id",
        got="other bytes, or another name",
        fix="export the release again, and find out who changed the file",
    )


def missing(path: Path) -> IntegrityError:
    """The error for an attestation that is gone."""
    return IntegrityError(
        "R163",
        "an attestation that was recorded is gone",
        where=str(path),
        expected="every attestation that the ledger lists",
        got="no such file",
        fix="restore it from a backup; the artifact store may hold its bytes",
    )
