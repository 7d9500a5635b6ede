"""Shut gates and waivers in the ledger: what was seen is kept, and only what was signed counts."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from interlock.clock import now
from interlock.errors import IntegrityError
from interlock.pipeline.delivery.steps import Steps
from interlock.pipeline.delivery.waiving import (
    GATE_WAIVED,
    give,
    record_shut,
    shut_gates,
    signed_waiver,
    waivers_of,
)
from interlock.pipeline.notary import Notary
from interlock.pipeline.places import Places
from interlock.release.attest import GATE, Statement, sign
from interlock.release.keys import SigningKey
from interlock.release.waiver import UNCHECKED, Waiver, result_digest, waiver_statement
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger
from interlock.store.rows import DeliveryRow
from interlock.verdict import Check, GateResult, Verdict

RESULT = GateResult(
    gate="model", checks=(Check(name="mdape", verdict=Verdict.FAILED, measured=0.25),)
)
ROW = DeliveryRow(
    id="d1", product="houses", number=2, as_of=1, status="blocked", git_commit="c", dirty=False,
    goal="prod", started=1,
)  # fmt: skip
KEY = SigningKey.generate()


@pytest.fixture
def notary(tmp_path):
    places = Places(tmp_path)
    return Notary(
        key=KEY,
        keys=(KEY.public,),
        places=places,
        artifacts=ArtifactStore.open(places.artifacts),
        ledger=Ledger.open(places.ledger),
    )


def waiver(**changes):
    fields = {
        "product": "houses", "delivery": "d1", "number": 2, "gate": "model",
        "result": result_digest(RESULT), "bundle": None, "role": "releaser", "by": "ada",
        "rights": UNCHECKED, "reason": "a quiet month", "at": 10, "expires": 20,
    }  # fmt: skip
    return Waiver(**(fields | changes))


def test_what_shut_is_kept_with_all_that_it_measured(notary):
    output = {"worst": math.nan, "windows": [1, 2]}
    record_shut(notary.ledger, notary.artifacts, ROW, RESULT, bundle="b" * 64, output=output, at=5)
    record_shut(notary.ledger, notary.artifacts, ROW, RESULT, bundle=None, output=None, at=6)
    first, second = shut_gates(notary.ledger, "d1")
    assert (first.result, first.digest) == (RESULT, result_digest(RESULT))
    assert (first.bundle, second.bundle, second.output) == ("b" * 64, None, None)
    assert b"NaN" in notary.artifacts.get(first.output)
    assert shut_gates(notary.ledger, "d2") == []


def test_a_waiver_is_recorded_for_its_delivery_alone(notary):
    give(notary, waiver(), at=10)
    give(notary, waiver(expires=99), at=11)
    assert waivers_of(notary.ledger, notary.keys, "d1") == [waiver(), waiver(expires=99)]
    assert waivers_of(notary.ledger, notary.keys, "d2") == []


def steps_of(notary):
    """Steps of the delivery, in which waivers of the service gate are accepted."""
    read = SimpleNamespace(
        ledger=notary.ledger,
        get_json=lambda digest: json.loads(notary.artifacts.get(digest)),
    )
    return Steps(context=read, keys=notary.keys, row=ROW, waivable=("service",), bundle="b" * 64)


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.PASSED])
def test_what_was_waived_is_taken_up_only_as_it_was_seen(notary, verdict):
    """The blob of a gate's output is named by the ledger alone; the waiver signs the result."""
    slow = Check(name="p99", verdict=Verdict.FAILED, measured=2.0, evidence={"code": "V105"})
    seen = GateResult(gate="service", checks=(slow,))
    kept = GateResult(gate="service gate", checks=(replace(slow, verdict=verdict),))
    record_shut(
        notary.ledger, notary.artifacts, ROW, seen,
        bundle="b" * 64, output={"result": kept.to_row(), "worst": math.nan}, at=5,
    )  # fmt: skip
    assert steps_of(notary).waived_outcome("service") is None
    at = now()
    signed = waiver(
        gate="service", result=result_digest(seen), bundle="b" * 64, at=at, expires=at + 10**9
    )
    give(notary, signed, at=at)
    found = steps_of(notary).waived_outcome("service")
    assert (found is not None) is (verdict is Verdict.FAILED)


def append(notary, envelope, **changes):
    fields = {"subject": "d1", "product": "houses", "at": 10}
    body = {"number": 2, "gate": "model", "envelope": envelope}
    return notary.ledger.append(GATE_WAIVED, body=body, **(fields | changes))


def envelope(statement=None, key=KEY):
    given = waiver()
    return sign(statement or waiver_statement(subject=given.result, waiver=given), key).decode()


def refused(notary, event):
    with pytest.raises(IntegrityError) as caught:
        signed_waiver(event, notary.keys)
    with pytest.raises(IntegrityError):
        waivers_of(notary.ledger, notary.keys, event.subject)
    return caught.value.code


def test_another_delivery_or_product_is_refused(notary):
    assert refused(notary, append(notary, envelope(), subject="d2")) == "R167"
    assert refused(notary, append(notary, envelope(), product="flats")) == "R167"


def test_one_about_another_subject_is_refused(notary):
    other = waiver_statement(subject="0" * 64, waiver=waiver())
    assert refused(notary, append(notary, envelope(other))) == "R167"


def test_a_statement_of_another_kind_is_refused(notary):
    given = waiver()
    said = Statement(
        subject=given.result, name="houses", predicate_type=GATE, predicate=given.to_row()
    )
    assert refused(notary, append(notary, envelope(said))) == "R167"


def test_what_is_no_waiver_is_refused(notary):
    said = replace(waiver_statement(subject="0" * 64, waiver=waiver()), predicate={"at": 1})
    assert refused(notary, append(notary, envelope(said))) == "R167"


def test_a_strangers_and_a_spoiled_one_are_refused(notary):
    assert refused(notary, append(notary, envelope(key=SigningKey.generate()))) == "R122"
    assert refused(notary, append(notary, envelope().replace("sig", "gis"), subject="d3")) == "R120"
    assert refused(notary, append(notary, None, subject="d4")) == "R120"
