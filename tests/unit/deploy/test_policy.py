"""Admission: only this bundle's own, signed, agreeing proofs open an environment."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.deploy.policy import Facts, Policy, admit
from interlock.errors import BlockedError
from interlock.release.attest import GATE, Statement, sign
from interlock.release.keys import SigningKey
from interlock.release.statements import (
    build_statement,
    deployment_statement,
    gate_statement,
    post_deploy_statement,
)
from interlock.release.waiver import UNCHECKED, Waiver, result_digest, waiver_statement
from interlock.verdict import Check, Exemption, GateResult, Verdict

BUNDLE, CHAMPION = "b" * 64, "c" * 64
KEY, STRANGER = SigningKey.generate(), SigningKey.generate()
KEYS = [KEY.public, STRANGER.public]
POLICY = Policy(post_deploy_in="staging", present_champion=True, trusted=(KEY.public.keyid,))
FACTS = Facts(
    product="valuation", bundle_product="valuation", snapshot="5" * 64, delivery="d1", live=CHAMPION
)
PASSED = Check(name="rows", verdict=Verdict.PASSED, measured=3.0, comparison="≥", threshold=2.0)


def build(**changes):
    named = {
        "bundle": BUNDLE, "product": "valuation", "delivery": "d1", "git_commit": "a" * 40,
        "dirty": False, "snapshot": "5" * 64, "at": 10,
    }  # fmt: skip
    return build_statement(**{**named, **changes})


def gate(name, *checks, **changes):
    result = GateResult(gate=name, checks=checks or (PASSED,))
    named = {
        "bundle": BUNDLE, "product": "valuation", "delivery": "d1", "result": result, "at": 11,
        "champion": CHAMPION if name == "model" else None,
    }  # fmt: skip
    return gate_statement(**{**named, **changes})


def post_deploy(*checks, **changes):
    named = {
        "bundle": BUNDLE, "product": "valuation", "delivery": "d1", "environment": "staging",
        "result": GateResult(gate="post-deploy", checks=checks or (PASSED,)), "at": 12,
    }  # fmt: skip
    return post_deploy_statement(**{**named, **changes})


def statements(**replaced):
    """All that prod asks for, some of it replaced (None: left out)."""
    every = {
        "build": build(), "data": gate("data"), "model": gate("model"), "service": gate("service"),
        "tests": post_deploy(),
    }  # fmt: skip
    return [said for said in {**every, **replaced}.values() if said is not None]


def asked(said, *, facts=FACTS, policy=POLICY, key=KEY):
    return admit(BUNDLE, facts, [sign(s, key) for s in said], policy, KEYS)


def altered(statement, **changes):
    return replace(statement, predicate={**statement.predicate, **changes})


def test_all_that_is_asked_for_admits():
    found = asked(statements())
    assert (found.admitted, found.missing, found.because) == (True, (), ())
    found.require(where="prod")


def test_nothing_admits_nothing():
    found = asked([])
    assert found.missing == (
        "the build", "the data gate", "the model gate", "the service gate",
        "post-deploy tests in staging",
    )  # fmt: skip
    with pytest.raises(BlockedError) as caught:
        asked(statements(service=None)).require(where="prod")
    assert str(caught.value) == (
        "error[E104]: prod does not admit this bundle\n"
        "  where: prod\n"
        "  expected: proof of: the service gate\n"
        "  got: the service gate: no attestation of this delivery\n"
        "  fix: mend what the message names and deliver again\n"
        "  untouched: what is live"
    )


@pytest.mark.parametrize("left_out", ["build", "data", "model", "service", "tests"])
def test_each_proof_is_needed(left_out):
    found = asked(statements(**{left_out: None}))
    assert not found.admitted
    assert len(found.missing) == 1


FULL = replace(POLICY, full_service_gate=True)


def test_the_full_form_must_have_been_asked_where_the_policy_wants_it():
    assert asked(statements(service=gate("service", form="full")), policy=FULL).admitted
    for form in (None, "quick", "FULL", ""):
        found = asked(statements(service=gate("service", form=form)), policy=FULL)
        assert found.missing == ("the service gate",)
        assert found.because == (
            "the service gate: it was not asked in its full form: deliver again, with --full",
        )
        assert asked(statements(service=gate("service", form=form))).admitted


def test_of_two_service_gates_the_last_must_be_full():
    quick, full = gate("service", form="quick", at=12), gate("service", form="full", at=11)
    assert not asked([*statements(service=full), quick], policy=FULL).admitted
    assert asked([*statements(service=altered(full, at=13)), quick], policy=FULL).admitted
    both = [*statements(service=altered(full, at=12)), quick]
    assert not asked(both, policy=FULL).admitted, "of equally late ones the worst counts"


def test_a_full_form_that_stayed_shut_is_no_proof():
    shut = gate("service", PASSED, FAILED, form="full")
    assert not asked(statements(service=shut), policy=FULL).admitted


FAILED = replace(PASSED, verdict=Verdict.FAILED, measured=1.0)
NOT_PASSED = [
    (FAILED, "failed"),
    (replace(PASSED, verdict=Verdict.INCONCLUSIVE), "inconclusive"),
    (replace(PASSED, verdict=Verdict.ERROR), "error"),
    (replace(PASSED, verdict=Verdict.NOT_APPLICABLE), "not applicable"),
]


@pytest.mark.parametrize(("check", "why"), NOT_PASSED)
@pytest.mark.parametrize("place", ["data", "model", "service", "tests"])
def test_only_passed_opens(place, check, why):
    make = post_deploy if place == "tests" else lambda *c: gate(place, *c)
    found = asked(statements(**{place: make(PASSED, check)}))
    assert not found.admitted
    assert found.because[0].endswith(f": {why}")


def test_not_applicable_opens_for_a_listed_reason():
    first = Check(name="champion", verdict=Verdict.NOT_APPLICABLE, exemption=Exemption.NO_CHAMPION)
    assert asked(statements(model=gate("model", PASSED, first))).admitted


def test_a_gate_without_checks_stays_shut():
    empty = altered(gate("data"), checks=[], verdict="passed")
    assert not asked(statements(data=empty)).admitted


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "failed"},
        {"verdict": None},
        {"checks": [{**FAILED.to_row(), "verdict": "failed"}]},
        {"checks": [{**PASSED.to_row(), "measured": 1.0}]},
        {"checks": [{**PASSED.to_row(), "measured": None}]},
        {"checks": [{**PASSED.to_row(), "measured": "9"}]},
        {"checks": [{**PASSED.to_row(), "verdict": "PASSED"}]},
        {"checks": [{**PASSED.to_row(), "more": 1}]},
        {"checks": [{**PASSED.to_row(), "interval": [1]}]},
        {"checks": ["passed"]},
        {"checks": "passed"},
        {"checks": None},
        {"checks": {"rows": True}},
    ],
)
def test_a_verdict_must_follow_from_its_checks(changes):
    assert not asked(statements(data=altered(gate("data"), **changes))).admitted


@pytest.mark.parametrize("place", ["build", "data", "model", "service", "tests"])
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"bundle": "d" * 64}, "not counted: an attestation about another bundle"),
        ({"product": "other"}, "not counted: an attestation about another product"),
        ({"delivery": "d0"}, "not counted: an attestation of another delivery"),
    ],
)
def test_proofs_of_something_else_do_not_count(place, change, why):
    make = {"build": build, "tests": post_deploy}.get(place) or (lambda **c: gate(place, **c))
    found = asked(statements(**{place: make(**change)}))
    assert not found.admitted
    assert why in found.because


def test_the_signed_product_cannot_differ_from_the_subjects_name():
    assert not asked(statements(data=replace(gate("data"), name="other"))).admitted


def test_a_bundle_of_another_product_is_not_admitted():
    found = asked(statements(), facts=replace(FACTS, bundle_product="other"))
    assert found.missing == ("a bundle of valuation",)


def test_the_build_must_be_from_the_bundles_own_snapshot():
    assert asked(statements(build=build(snapshot="6" * 64))).missing == ("the build",)


@pytest.mark.parametrize("dirty", [True, None, 0, "", "false"])
def test_a_dirty_tree_needs_leave(dirty):
    said = statements(build=altered(build(), dirty=dirty))
    assert asked(said).because == ("the build: the tree was dirty: commit, then deliver again",)
    assert asked(said, policy=replace(POLICY, allow_dirty=True)).admitted


def test_one_dirty_build_of_a_delivery_is_enough_to_refuse():
    assert not asked([*statements(), build(dirty=True, at=99)]).admitted


def test_an_old_release_does_not_come_back_past_a_newer_champion():
    found = asked(statements(), facts=replace(FACTS, live="e" * 64))
    assert found.missing == ("the model gate",)
    assert "another champion" in found.because[0]
    first = statements(model=gate("model", champion=None))
    assert not asked(first).admitted
    assert asked(first, facts=replace(FACTS, live=None)).admitted
    assert asked(first, policy=replace(POLICY, present_champion=False)).admitted


def test_what_is_live_is_admitted_again():
    assert asked(statements(), facts=replace(FACTS, live=BUNDLE)).admitted


def test_post_deploy_tests_count_where_they_ran():
    assert not asked(statements(tests=post_deploy(environment="dev"))).admitted
    posing = replace(post_deploy(), predicate_type=GATE)
    assert not asked(statements(tests=posing)).admitted


def test_a_gate_cannot_stand_in_for_another():
    assert not asked(statements(model=gate("data"))).admitted


def test_the_last_word_counts_and_of_equally_late_ones_the_worst():
    worse, better = gate("service", FAILED), gate("service")
    later = {"at": 99}
    assert asked([*statements(service=worse), altered(better, **later)]).admitted
    assert not asked([*statements(service=better), altered(worse, **later)]).admitted
    assert not asked([*statements(service=better), worse]).admitted
    assert not asked([*statements(service=worse), better]).admitted


@pytest.mark.parametrize("at", [None, "99", 1e300, True])
def test_a_proof_without_its_moment_does_not_count(at):
    assert not asked(statements(data=altered(gate("data"), at=at))).admitted


def test_only_trusted_keys_are_heard():
    assert not asked(statements(), key=STRANGER).admitted
    assert asked(statements(), key=STRANGER, policy=POLICY.trusting(STRANGER.public.keyid)).admitted
    found = asked(statements(), policy=replace(POLICY, trusted=()))
    assert "no key is trusted here" in found.because
    assert not found.admitted


def test_a_strangers_failure_does_not_block():
    envelopes = [sign(s, KEY) for s in statements()]
    envelopes.append(sign(gate("data", FAILED, at=99), STRANGER))
    assert admit(BUNDLE, FACTS, envelopes, POLICY, KEYS).admitted


def test_other_statements_and_rubbish_beside_the_proofs_do_not_matter():
    deployed = deployment_statement(
        bundle=BUNDLE, product="valuation", environment="staging", generation=1, act="promote",
        reason="", at=1, ledger_sequence=1, ledger_hash="f" * 64,
    )  # fmt: skip
    envelopes = [sign(s, KEY) for s in [*statements(), deployed]]
    found = admit(BUNDLE, FACTS, [b"rubbish", *envelopes], POLICY, KEYS)
    assert found.admitted
    assert found.because == ("not counted: an attestation cannot be read",)


ENVELOPES = [sign(s, KEY) for s in statements()]


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 4), st.integers(0, 2**20))
def test_any_flipped_bit_in_any_proof_blocks(which, place):
    data = bytearray(ENVELOPES[which])
    bit = place % (8 * len(data))
    data[bit // 8] ^= 1 << bit % 8
    spoiled = [*ENVELOPES[:which], bytes(data), *ENVELOPES[which + 1 :]]
    found = admit(BUNDLE, FACTS, spoiled, POLICY, KEYS)
    assert len(found.missing) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["passed", "d1", "model", ""]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "verdict", "measured", "checks"]), inner)
    ),
    max_leaves=6,
)


@settings(deadline=None)  # a busy machine is no failure
@given(st.dictionaries(st.sampled_from(["verdict", "checks", "gate", "at"]), json_values))
def test_no_predicate_makes_it_stumble_or_pass_without_a_passed_check(changes):
    said = altered(gate("data", FAILED), **changes)
    assert not asked(statements(data=said)).admitted


def test_a_predicate_of_any_shape_is_heard_calmly():
    for predicate in ({}, {"product": []}, {"product": "valuation", "delivery": {"a": 1}}):
        said = Statement(subject=BUNDLE, name="valuation", predicate_type=GATE, predicate=predicate)
        assert not asked([said]).admitted


# -- waivers ---------------------------------------------------------------------------------------

SHUT = gate("model", PASSED, FAILED, champion=CHAMPION)
AT = replace(FACTS, moment=15)


def waived(of=SHUT, **changes):
    fields = {
        "product": "valuation", "delivery": "d1", "number": 2, "gate": of.predicate["gate"],
        "result": result_digest(of.predicate), "bundle": None, "role": "releaser", "by": "ada",
        "rights": UNCHECKED, "reason": "a quiet month", "at": 10, "expires": 20,
    }  # fmt: skip
    subject = changes.pop("subject", BUNDLE)
    return waiver_statement(subject=subject, waiver=Waiver(**(fields | changes)))


def test_a_waived_gate_admits_and_stays_failed():
    found = asked([*statements(model=SHUT), waived()], facts=AT)
    assert (found.admitted, found.because) == (True, ())


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"gate": "data"}, "the model gate: failed"),
        ({"result": "0" * 64}, "the model gate: failed; its waiver is of another result"),
        ({"bundle": "d" * 64}, "the model gate: failed; its waiver is of another bundle"),
        ({"expires": 15}, "the model gate: failed; its waiver has expired"),
        ({"at": 16}, "the model gate: failed; its waiver has expired"),
        ({"subject": "d" * 64}, "not counted: an attestation about another bundle"),
        ({"product": "other"}, "not counted: an attestation about another product"),
        ({"delivery": "d0"}, "not counted: an attestation of another delivery"),
    ],
)
def test_a_waiver_of_something_else_does_not_count(changes, why):
    found = asked([*statements(model=SHUT), waived(**changes)], facts=AT)
    assert found.missing == ("the model gate",)
    assert why in found.because


def test_a_waiver_does_not_hold_at_a_moment_that_is_not_known():
    assert not asked([*statements(model=SHUT), waived()]).admitted


def test_a_waiver_cannot_be_had_where_the_environment_refuses_it():
    strict = replace(POLICY, waivable=("data",))
    found = asked([*statements(model=SHUT), waived()], facts=AT, policy=strict)
    assert found.because == (
        "the model gate: failed; waivers of the model gate are not accepted here",
    )


def test_a_waiver_does_not_stand_in_for_the_gate_itself():
    assert asked([*statements(model=None), waived()], facts=AT).missing == ("the model gate",)


def test_a_waiver_does_not_make_up_for_another_champion():
    elsewhere = replace(AT, live="e" * 64)
    found = asked([*statements(model=SHUT), waived()], facts=elsewhere)
    assert "another champion" in found.because[0]


def test_a_later_and_worse_result_is_not_covered():
    worse = gate("model", PASSED, FAILED, FAILED, champion=CHAMPION, at=99)
    assert not asked([*statements(model=SHUT), worse, waived()], facts=AT).admitted
    same = gate("model", PASSED, FAILED, champion=CHAMPION, at=99)
    assert asked([*statements(model=SHUT), same, waived()], facts=AT).admitted


def test_a_waiver_by_a_stranger_does_not_count():
    envelopes = [sign(s, KEY) for s in statements(model=SHUT)]
    envelopes.append(sign(waived(), STRANGER))
    assert not admit(BUNDLE, AT, envelopes, POLICY, KEYS).admitted


def test_parity_and_post_deploy_tests_cannot_be_waived():
    wrong = replace(FAILED, name="prediction parity", evidence={"code": "V102"})
    service = gate("service", PASSED, wrong)
    given = waived(service, bundle=BUNDLE)
    found = asked([*statements(service=service), given], facts=AT)
    assert found.because[0].endswith("can never be waived")
    tests = post_deploy(FAILED)
    given = waived(tests, gate="post-deploy")
    assert not asked([*statements(tests=tests), given], facts=AT).admitted


def test_a_check_that_does_not_fit_its_numbers_is_not_excused():
    lying = altered(SHUT, checks=[{**PASSED.to_row(), "measured": 1.0}, FAILED.to_row()])
    found = asked([*statements(model=lying), waived(lying)], facts=AT)
    assert found.because == ("the model gate: its verdict does not follow from its checks",)


WAIVED_ENVELOPE = sign(waived(), KEY)
WITHOUT = [sign(s, KEY) for s in statements(model=SHUT)]


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 8 * len(WAIVED_ENVELOPE) - 1))
def test_any_flipped_bit_in_a_waiver_blocks(bit):
    data = bytearray(WAIVED_ENVELOPE)
    data[bit // 8] ^= 1 << bit % 8
    assert not admit(BUNDLE, AT, [*WITHOUT, bytes(data)], POLICY, KEYS).admitted
