"""What is signed about bundles, as it lies beside them: read, and heard only from trusted keys.

Attestations lie in ``<attestations>/<bundle digest>/*.json``. What is malformed, signed by another
key or about another bundle is passed over: whoever asks says what is missing then.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from interlock.digest import is_digest
from interlock.errors import IntegrityError
from interlock.release.attest import Attestation, verify
from interlock.release.keys import PublicKey
from interlock.serve.plan import ServePlan

_MOST = 1_000  # attestations of one bundle looked at
_LARGEST = 32 << 20  # bytes


class _Envelope(msgspec.Struct):
    payload: str


class _Claimed(msgspec.Struct):
    predicate: dict[str, Any]


def known_keys(plan: ServePlan) -> list[PublicKey]:
    """The public keys in the plan; which of them are trusted its policy says."""
    return [PublicKey.from_pem(pem.encode(), where="trusted_keys") for pem in plan.trusted_keys]


def envelopes(plan: ServePlan, digest: str) -> Iterator[bytes]:
    """Every kept envelope about a bundle, whatever it is worth."""
    if plan.attestations is None:
        return
    paths = sorted((Path(plan.attestations) / digest).glob("*.json"))
    for path in paths[:_MOST]:
        with path.open("rb") as stream:
            yield stream.read(_LARGEST)


def said_about(plan: ServePlan, digest: str, kind: str = "") -> list[Attestation]:
    """What trusted keys say about this bundle, of one predicate type or of all."""
    if plan.policy is None:
        return []
    trusted = [key for key in known_keys(plan) if key.keyid in plan.policy.trusted]
    found = []
    for envelope in envelopes(plan, digest):
        if kind and not _may_be(envelope, kind):
            continue
        try:
            said = verify(envelope, trusted)
        except IntegrityError:
            continue
        if said.subject == digest and said.predicate_type.startswith(kind):
            found.append(said)
    return found


def _may_be(envelope: bytes, kind: str) -> bool:
    """Whether a look at the payload suggests that type; spares verifying the others."""
    return f'"predicateType":"{kind}"'.encode() in _payload(envelope)


def claimed(envelope: bytes, kind: str) -> dict[str, Any]:
    """The predicate of that type that somebody claims, verified or not; empty where it is none."""
    payload = _payload(envelope)
    if f'"predicateType":"{kind}"'.encode() not in payload:
        return {}
    try:
        return msgspec.json.decode(payload, type=_Claimed).predicate
    except (msgspec.MsgspecError, RecursionError):
        return {}


def _payload(envelope: bytes) -> bytes:
    try:
        return b64decode(msgspec.json.decode(envelope, type=_Envelope).payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return b""


def attested_bundles(plan: ServePlan) -> list[str]:
    """The digests of all bundles about which something lies there."""
    if plan.attestations is None:
        return []
    return sorted(path.name for path in Path(plan.attestations).glob("*") if is_digest(path.name))
