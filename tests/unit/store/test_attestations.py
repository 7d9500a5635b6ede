"""Attestations in the ledger."""

from dataclasses import replace

from ledger_rows import ATTESTATION


def test_an_attestation_is_recorded_once(ledger):
    ledger.attestations.add(ATTESTATION, product="valuation")
    ledger.attestations.add(replace(ATTESTATION, at=99), product="valuation")
    other = replace(ATTESTATION, blob="c" * 64, predicate_type="urn:interlock:build:v1")
    ledger.attestations.add(other, product="valuation")
    assert ledger.attestations.about("a" * 64) == [ATTESTATION, other]
    assert ledger.attestations.about("a" * 64, predicate_type="urn:interlock:build:v1") == [other]
    assert ledger.head().sequence == 2
