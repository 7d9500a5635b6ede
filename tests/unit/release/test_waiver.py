"""A waiver's words: what is signed is read back exactly, and nothing that is merely like it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.release.attest import WAIVER, Attestation, sign, verify
from interlock.release.keys import SigningKey
from interlock.release.waiver import (
    UNCHECKED,
    Waiver,
    result_digest,
    waiver_statement,
    waivers_among,
)
from interlock.verdict import Check, GateResult, Verdict

KEY = SigningKey.generate()
RESULT = GateResult(
    gate="model",
    checks=(Check(name="mdape", verdict=Verdict.FAILED, measured=0.2, evidence={"code": "M208"}),),
)


def waiver(**changes):
    fields = {
        "product": "houses", "delivery": "d1", "number": 2, "gate": "model",
        "result": result_digest(RESULT), "bundle": None, "role": "releaser", "by": "ada",
        "rights": UNCHECKED, "reason": "a quiet month", "at": 10, "expires": 20,
    }  # fmt: skip
    return Waiver(**(fields | changes))


def test_it_is_signed_about_the_result_and_about_the_bundle_in_the_same_words():
    given = waiver()
    for subject in (given.result, "b" * 64):
        said = verify(sign(waiver_statement(subject=subject, waiver=given), KEY), [KEY.public])
        assert (said.subject, said.name, said.predicate_type) == (subject, "houses", WAIVER)
        assert Waiver.from_row(said.predicate) == given


@pytest.mark.parametrize(("moment", "holds"), [(9, False), (10, True), (19, True), (20, False)])
def test_it_holds_from_its_moment_until_its_expiry(moment, holds):
    assert waiver().holds_at(moment) is holds


@pytest.mark.parametrize(
    "changes",
    [
        {"number": True},
        {"at": 1.5},
        {"expires": "20"},
        {"reason": ""},
        {"reason": " "},
        {"by": None},
        {"role": "viewer"},
        {"result": "0" * 63},
        {"result": None},
        {"bundle": "live"},
        {"bundle": 1},
        {"more": 1},
    ],
)
def test_what_is_like_a_waiver_is_none(changes):
    with pytest.raises(ValueError, match=r"keys|none|role"):
        Waiver.from_row(waiver().to_row() | changes)


@pytest.mark.parametrize("left_out", list(waiver().to_row()))
def test_nothing_may_be_left_out(left_out):
    row = waiver().to_row()
    del row[left_out]
    with pytest.raises(ValueError, match="keys"):
        Waiver.from_row(row)


def test_a_results_digest_covers_every_check_to_the_last_digit():
    (check,) = RESULT.checks
    others = [
        GateResult(gate="data", checks=(check,)),
        GateResult(gate="model", checks=(check, check)),
        GateResult(gate="model", checks=()),
        GateResult(
            gate="model",
            checks=(Check(**{**vars(check), "measured": 0.20000000000000004}),),
        ),
    ]
    digests = {result_digest(result) for result in [RESULT, *others]}
    assert len(digests) == 5
    assert result_digest(RESULT.to_row() | {"verdict": "failed", "at": 1}) in digests


def test_waivers_are_found_among_attestations():
    def said(predicate, kind=WAIVER):
        return Attestation(
            subject="b" * 64, name="houses", predicate_type=kind, predicate=predicate, signer="k"
        )

    late, early = waiver(at=12), waiver(gate="data")
    mixed = [said(late.to_row()), said({"at": 1}), said(early.to_row(), "urn:other")]
    assert waivers_among([*mixed, said(early.to_row())]) == (early, late)


@settings(deadline=None)  # a busy machine is no failure
@given(st.dictionaries(st.sampled_from(list(waiver().to_row())), st.none() | st.booleans()))
def test_no_row_of_other_types_makes_it_stumble(changes):
    row = waiver().to_row() | changes
    if set(changes) <= {"bundle"} and changes.get("bundle") is None:
        assert Waiver.from_row(row).bundle is None
    else:
        with pytest.raises(ValueError, match=r"keys|none|role"):
            Waiver.from_row(row)
