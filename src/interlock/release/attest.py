"""Attestations: who says what about which bundle, signed.

An attestation file is a DSSE envelope around an in-toto Statement v1, in canonical JSON.
Rules, all enforced on verifying: encoding the decoded envelope again gives the same bytes, so no
bit can change unseen; exactly one signature, by a trusted key, over the pre-authentication
encoding; exactly one subject, a bundle's digest (of a waiver: at first a gate result's; of an
erasure: that of what it is about, a snapshot, a bundle or a unit; of a rebuilt ledger: of the names
of what it was made of); a predicate type from a closed list.

References: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md and
https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md

>>> key = SigningKey.generate()
>>> said = Statement(subject="0" * 64, name="valuation", predicate_type=BUILD, predicate={"a": 1})
>>> verify(sign(said, key), [key.public]).predicate
{'a': 1}
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from interlock.digest import canonical_json, is_digest, parse_canonical
from interlock.errors import IntegrityError
from interlock.release.keys import PublicKey, SigningKey

BUILD = "urn:interlock:build:v1"
GATE = "urn:interlock:gate:v1"
POST_DEPLOY = "urn:interlock:post-deploy:v1"
DEPLOYMENT = "urn:interlock:deployment:v1"
RELEASE = "urn:interlock:release:v1"
WAIVER = "urn:interlock:waiver:v1"
ERASURE = "urn:interlock:erasure:v1"
LEDGER = "urn:interlock:ledger:v1"
PREDICATE_TYPES = (BUILD, GATE, WAIVER, RELEASE, POST_DEPLOY, DEPLOYMENT, ERASURE, LEDGER)

_TELLING = ("gate", "environment", "act", "label", "verdict")
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
_LIMIT = 32 << 20  # bytes


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What is said (``predicate``, plain JSON values) about a bundle (``subject``, its digest)."""

    subject: str
    name: str
    predicate_type: str
    predicate: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Attestation(Statement):
    """A statement whose signature was verified; ``signer`` is the key's id."""

    signer: str

    @property
    def told(self) -> str:
        """What it says, in short.

        >>> said = {"gate": "model", "verdict": "passed", "checks": [], "champion": None}
        >>> about = {"subject": "5" * 64, "name": "rents", "signer": "9" * 64}
        >>> Attestation(**about, predicate_type=GATE, predicate=said).told
        'gate: model, passed'
        """
        kind = self.predicate_type.removeprefix("urn:interlock:").removesuffix(":v1")
        words = [str(self.predicate[key]) for key in _TELLING if self.predicate.get(key)]
        return ": ".join(filter(None, [kind, ", ".join(words)]))


def sign(statement: Statement, key: SigningKey) -> bytes:
    """The envelope's bytes. Raises ValueError for a statement that could not be verified."""
    payload = canonical_json(
        {
            "_type": _STATEMENT_TYPE,
            "subject": [{"name": statement.name, "digest": {"sha256": statement.subject}}],
            "predicateType": statement.predicate_type,
            "predicate": dict(statement.predicate),
        }
    )
    _statement(payload, key.public.keyid)
    return _envelope(payload, key.public.keyid, key.sign(_authenticated(payload)))


def verify(envelope: bytes, trusted: Collection[PublicKey], *, where: str = "") -> Attestation:
    """The attestation. Raises IntegrityError R120 (malformed), R121 (signature), R122 (key)."""
    try:
        payload, keyid, signature = _decode(envelope)
    except ValueError as error:
        raise _refused(
            "R120",
            "an attestation cannot be read",
            where,
            "a DSSE envelope in canonical JSON",
            str(error),
        ) from None
    key = next((key for key in trusted if key.keyid == keyid), None)
    if key is None:
        raise _refused(
            "R122",
            "an attestation is signed by a key that is not trusted",
            where,
            "a trusted key: " + (", ".join(k.keyid for k in trusted) or "none is"),
            keyid,
        )
    if not key.verify(signature, _authenticated(payload)):
        raise _refused(
            "R121",
            "an attestation's signature does not fit its content",
            where,
            f"a signature by {keyid}",
            "another content or another key",
        )
    try:
        return _statement(payload, keyid)
    except ValueError as error:
        raise _refused(
            "R120",
            "an attestation cannot be read",
            where,
            "an in-toto statement about one bundle",
            str(error),
        ) from None


def _authenticated(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    kind = _PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _envelope(payload: bytes, keyid: str, signature: bytes) -> bytes:
    return canonical_json(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": _PAYLOAD_TYPE,
            "signatures": [{"keyid": keyid, "sig": base64.b64encode(signature).decode()}],
        }
    )


def _decode(envelope: bytes) -> tuple[bytes, str, bytes]:
    """Payload, key id, signature. Raises ValueError unless the bytes are the only ones for them."""
    if len(envelope) > _LIMIT:
        raise ValueError(f"more than {_LIMIT} bytes")
    value = parse_canonical(envelope)
    try:
        (entry,) = value["signatures"]
        payload = base64.b64decode(value["payload"], validate=True)
        signature = base64.b64decode(entry["sig"], validate=True)
        keyid = entry["keyid"]
    except (KeyError, TypeError, binascii.Error) as error:
        raise ValueError(f"not an envelope with one signature: {error}") from None
    if not isinstance(keyid, str) or _envelope(payload, keyid, signature) != envelope:
        raise ValueError("not an envelope in canonical form")
    return payload, keyid, signature


def _statement(payload: bytes, keyid: str) -> Attestation:
    value = parse_canonical(payload)
    if not isinstance(value, dict) or set(value) != {
        "_type",
        "subject",
        "predicateType",
        "predicate",
    }:
        raise ValueError("not a statement's keys")
    if value["_type"] != _STATEMENT_TYPE:
        raise ValueError(f"statement type {value['_type']!r}")
    if value["predicateType"] not in PREDICATE_TYPES:
        raise ValueError(f"predicate type {value['predicateType']!r}")
    if not isinstance(value["predicate"], dict):
        raise ValueError("a predicate that is not an object")
    name, digest = _subject(value["subject"])
    return Attestation(
        subject=digest,
        name=name,
        predicate_type=value["predicateType"],
        predicate=value["predicate"],
        signer=keyid,
    )


def _subject(subjects: Any) -> tuple[str, str]:
    try:
        (subject,) = subjects
        name, digest = subject["name"], subject["digest"]["sha256"]
    except (KeyError, TypeError, ValueError):
        raise ValueError("not exactly one subject with a SHA-256") from None
    if subject != {"name": name, "digest": {"sha256": digest}} or not isinstance(name, str):
        raise ValueError("a subject with more than name and SHA-256")
    if not isinstance(digest, str) or not is_digest(digest):
        raise ValueError(f"subject digest {digest!r}")
    return name, digest


def _refused(code: str, what: str, where: str, expected: str, got: str) -> IntegrityError:
    return IntegrityError(
        code,
        what,
        where=where,
        expected=expected,
        got=got[:200],
        fix="restore the attestation from a backup, or deliver again; trust a key only by its id",
        untouched="what is live",
    )
