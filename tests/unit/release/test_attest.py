"""Attestations: signed by a trusted key, about one bundle, to the last bit; or refused."""

import base64
import json

import pytest

from interlock.digest import canonical_json
from interlock.errors import IntegrityError
from interlock.release.attest import (
    BUILD,
    GATE,
    Statement,
    _authenticated,
    _envelope,
    sign,
    verify,
)
from interlock.release.keys import SigningKey

SAID = Statement(
    subject="7" * 64,
    name="valuation",
    predicate_type=GATE,
    predicate={"gate": "model", "verdict": "passed", "checks": [{"name": "Größe ≤", "n": 1.5}]},
)


@pytest.fixture(scope="module")
def signed(key):
    return sign(SAID, key)


def refused(envelope, *trusted) -> IntegrityError:
    with pytest.raises(IntegrityError) as caught:
        verify(envelope, [k.public for k in trusted])
    return caught.value


def forged(key, payload: bytes) -> bytes:
    """A perfectly signed envelope around any payload."""
    return _envelope(payload, key.public.keyid, key.sign(_authenticated(payload)))


def test_what_was_signed_is_what_is_verified(key, signed):
    found = verify(signed, [SigningKey.generate().public, key.public])
    assert found.subject == SAID.subject
    assert found.name == "valuation"
    assert found.predicate_type == GATE
    assert found.predicate == SAID.predicate
    assert found.signer == key.public.keyid


def test_signing_twice_gives_the_same_bytes(key, signed):
    assert sign(SAID, key) == signed


def test_the_envelope_is_dsse_around_in_toto(signed):
    envelope = json.loads(signed)
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    payload = base64.b64decode(envelope["payload"])
    assert json.loads(payload) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "valuation", "digest": {"sha256": "7" * 64}}],
        "predicateType": "urn:interlock:gate:v1",
        "predicate": SAID.predicate,
    }
    assert _authenticated(payload) == (
        b"DSSEv1 28 application/vnd.in-toto+json %d " % len(payload) + payload
    )


def test_every_single_flipped_bit_is_found(key, signed):
    for bit in range(8 * len(signed)):
        flipped = bytearray(signed)
        flipped[bit // 8] ^= 1 << bit % 8
        refused(bytes(flipped), key)


@pytest.mark.parametrize("size", range(0, 600, 37))
def test_a_cut_envelope_is_refused(key, signed, size):
    assert refused(signed[:size], key).code == "R120"


def test_a_key_must_be_trusted(signed):
    assert refused(signed).code == "R122"
    assert refused(signed, SigningKey.generate()).code == "R122"


def test_a_key_cannot_borrow_anothers_id(key, signed):
    other = SigningKey.generate()
    payload = base64.b64decode(json.loads(signed)["payload"])
    borrowed = _envelope(payload, key.public.keyid, other.sign(_authenticated(payload)))
    assert refused(borrowed, key, other).code == "R121"


def test_a_signature_does_not_fit_another_payload(key, signed):
    other = sign(Statement(subject="8" * 64, name="x", predicate_type=BUILD, predicate={}), key)
    mixed = json.loads(signed)
    mixed["payload"] = json.loads(other)["payload"]
    assert refused(canonical_json(mixed), key).code == "R121"


def test_a_raw_signature_of_the_payload_is_not_enough(key, signed):
    payload = base64.b64decode(json.loads(signed)["payload"])
    bare = _envelope(payload, key.public.keyid, key.sign(payload))
    assert refused(bare, key).code == "R121"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda e: e["signatures"].append(e["signatures"][0]),
        lambda e: e["signatures"].clear(),
        lambda e: e.update(signatures={}),
        lambda e: e.update(extra=1),
        lambda e: e.update(payload=e["payload"] + "\n"),
        lambda e: e.update(payload=1),
        lambda e: e.update(payloadType="text/plain"),
        lambda e: e["signatures"][0].update(keyid=None),
        lambda e: e["signatures"][0].update(cert="x"),
    ],
)
def test_an_envelope_of_another_shape_is_refused(key, signed, spoil):
    envelope = json.loads(signed)
    spoil(envelope)
    assert refused(canonical_json(envelope), key).code == "R120"


def test_the_same_envelope_in_other_bytes_is_refused(key, signed):
    for data in (signed + b"\n", json.dumps(json.loads(signed)).encode(), b"[]", b"[" * 99_999):
        assert refused(data, key).code == "R120"


GOOD = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "p", "digest": {"sha256": "7" * 64}}],
    "predicateType": BUILD,
    "predicate": {},
}


@pytest.mark.parametrize(
    "change",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"subject": []},
        {"subject": GOOD["subject"] * 2},
        {"subject": [{"name": "p", "digest": {"sha256": "7" * 63}}]},
        {"subject": [{"name": "p", "digest": {"sha256": "7" * 64, "sha1": "1"}}]},
        {"subject": [{"name": "p", "digest": {"sha256": ["7" * 64]}}]},
        {"subject": [{"name": 1, "digest": {"sha256": "7" * 64}}]},
        {"subject": "ab"},
        {"predicateType": "urn:interlock:anything:v1"},
        {"predicateType": []},
        {"predicate": []},
        {"extra": 1},
    ],
)
def test_a_signed_statement_of_another_shape_is_refused(key, change):
    assert refused(forged(key, canonical_json({**GOOD, **change})), key).code == "R120"


def test_a_signed_statement_that_is_not_canonical_is_refused(key):
    assert refused(forged(key, json.dumps(GOOD).encode()), key).code == "R120"
    assert verify(forged(key, canonical_json(GOOD)), [key.public]).predicate == {}


def test_what_could_not_be_verified_is_not_signed(key):
    with pytest.raises(ValueError, match="subject digest"):
        sign(Statement(subject="x", name="p", predicate_type=BUILD, predicate={}), key)
    with pytest.raises(ValueError, match="JSON"):
        sign(
            Statement(
                subject="7" * 64, name="p", predicate_type=BUILD, predicate={"x": float("nan")}
            ),
            key,
        )
