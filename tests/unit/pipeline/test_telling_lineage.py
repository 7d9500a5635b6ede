"""What the report says that was signed about a release: each statement by what it says."""

from dataclasses import replace

import pytest

from interlock.digest import digest_bytes
from interlock.errors import IntegrityError
from interlock.pipeline.telling.lineage import tell_lineage
from interlock.release.attest import BUILD, GATE, Statement, sign
from interlock.release.keys import SigningKey
from interlock.report.content import Attestation
from interlock.store.rows import DeliveryRow

ROW = DeliveryRow(
    id="d", product="houses", number=1, as_of=1, status="running", git_commit="files:5f",
    dirty=False, goal="prod", started=2,
)  # fmt: skip


def envelope(key, kind, **predicate):
    said = Statement(subject="7" * 64, name="houses", predicate_type=kind, predicate=predicate)
    return sign(said, key)


def told(envelopes, *keys, row=ROW):
    return tell_lineage(
        row, code="c", libraries={"numpy": "2"}, envelopes=envelopes, keys=[k.public for k in keys]
    )


def test_each_statement_is_told_by_what_it_says_oldest_first():
    key = SigningKey.generate()
    late = envelope(key, GATE, gate="model", verdict="passed", at=9)
    soon = envelope(key, BUILD, at=3)
    assert told([late, soon], key).attestations == (
        Attestation(kind="build", keyid=key.public.keyid, digest=digest_bytes(soon)),
        Attestation(kind="gate: model, passed", keyid=key.public.keyid, digest=digest_bytes(late)),
    )


def test_files_that_are_in_no_version_control_have_no_commit():
    assert told([]).commit is None
    assert told([], row=replace(ROW, git_commit="7ea0", dirty=True)).commit == "7ea0"


def test_what_a_strange_key_signed_is_not_told():
    with pytest.raises(IntegrityError):
        told([envelope(SigningKey.generate(), BUILD, at=3)], SigningKey.generate())
