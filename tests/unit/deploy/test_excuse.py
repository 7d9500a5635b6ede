"""Which shut gate a waiver excuses, and why another does not."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.deploy.excuse import WAIVABLE, Excuse, excuse, unwaivable
from interlock.release.waiver import UNCHECKED, Waiver, result_digest
from interlock.verdict import Check, Exemption, GateResult, Verdict

PASSED = Check(name="rows", verdict=Verdict.PASSED)
FAILED = Check(name="mdape", verdict=Verdict.FAILED, evidence={"code": "M208"})
BUNDLE = "b" * 64


def result(*checks, gate="model"):
    return GateResult(gate=gate, checks=checks or (PASSED, FAILED))


def waiver(shut=None, **changes):
    shut = shut or result()
    fields = {
        "product": "houses", "delivery": "d1", "number": 2, "gate": shut.gate,
        "result": result_digest(shut), "bundle": None, "role": "releaser", "by": "ada",
        "rights": UNCHECKED, "reason": "a quiet month", "at": 10, "expires": 20,
    }  # fmt: skip
    return Waiver(**(fields | changes))


def asked(*waivers, shut=None, bundle=None, moment=15, allowed=WAIVABLE):
    shut = shut or result()
    return excuse(shut, result_digest(shut), waivers, bundle=bundle, moment=moment, allowed=allowed)


def test_it_excuses_what_it_was_given_for():
    assert asked(waiver()).waiver == waiver()
    assert asked(waiver(), bundle=BUNDLE).waiver == waiver()
    assert asked(waiver(bundle=BUNDLE), bundle=BUNDLE).waiver is not None


def test_without_a_waiver_there_is_nothing_to_say():
    assert asked() == Excuse()
    assert asked(waiver(result(gate="data"))) == Excuse()


@pytest.mark.parametrize(
    ("given", "more", "why"),
    [
        (waiver(result="0" * 64), {}, "its waiver is of another result"),
        (waiver(result(PASSED, PASSED, FAILED)), {}, "its waiver is of another result"),
        (waiver(bundle="c" * 64), {"bundle": BUNDLE}, "its waiver is of another bundle"),
        (waiver(bundle=BUNDLE), {}, "its waiver is of another bundle"),
        (waiver(), {"moment": 20}, "its waiver has expired"),
        (waiver(), {"moment": 9}, "its waiver has expired"),
        (waiver(), {"moment": None}, "its waiver has expired"),
        (waiver(), {"allowed": ("data",)}, "waivers of the model gate are not accepted here"),
        (waiver(), {"allowed": ()}, "waivers of the model gate are not accepted here"),
    ],
)
def test_it_excuses_nothing_else(given, more, why):
    assert asked(given, **more) == Excuse(why=why)


def test_of_several_the_one_that_holds_longest():
    long, short, over = waiver(expires=30), waiver(expires=20), waiver(expires=12)
    assert asked(short, long, over).waiver == long
    assert asked(over, short, moment=19).waiver == short


NEVER = [
    replace(FAILED, verdict=Verdict.ERROR),
    replace(FAILED, verdict=Verdict.NOT_APPLICABLE),
]


@pytest.mark.parametrize("check", NEVER)
@pytest.mark.parametrize("gate", WAIVABLE)
def test_what_was_not_measured_cannot_be_accepted(gate, check):
    shut = result(FAILED if gate != "service" else PASSED, check, gate=gate)
    assert unwaivable(shut, WAIVABLE) == (
        "mdape could not be measured, so there is nothing to accept"
    )


@pytest.mark.parametrize(
    "code",
    ["V102", "V103", "V104", "V107", "V108", "V109", "V117", "V118", "V119", None, ["V105"]],
)
def test_of_the_service_gate_only_what_it_costs(code):
    slow = Check(name="p99 below 20ms", verdict=Verdict.FAILED, evidence={"code": "V105"})
    noisy = Check(name="p99", verdict=Verdict.INCONCLUSIVE, evidence={"code": "V106"})
    costly = [replace(slow, evidence={"code": code}) for code in ("V114", "V115", "V116")]
    assert unwaivable(result(PASSED, slow, noisy, *costly, gate="service"), WAIVABLE) == ""
    wrong = Check(name="prediction parity", verdict=Verdict.FAILED, evidence={"code": code})
    text = "prediction parity is about what the service answers, and can never be waived"
    for check in (wrong, replace(wrong, evidence="V105")):
        assert unwaivable(result(slow, check, gate="service"), WAIVABLE) == text


def test_a_waiver_of_the_service_gate_is_of_one_bundle():
    slow = Check(name="p99", verdict=Verdict.FAILED, evidence={"code": "V105"})
    shut = result(slow, gate="service")
    assert asked(waiver(shut), shut=shut, bundle=BUNDLE).why == "its waiver is of another bundle"
    assert asked(waiver(shut, bundle=BUNDLE), shut=shut, bundle=BUNDLE).waiver is not None


def test_other_gates_never():
    assert unwaivable(result(gate="post-deploy tests"), [*WAIVABLE, "post-deploy tests"]) == (
        "post-deploy tests can never be waived"
    )


def test_a_gate_without_checks_has_nothing_to_accept():
    empty = GateResult(gate="model", checks=())
    assert "nothing was shown" in unwaivable(empty, WAIVABLE)
    advice = replace(FAILED, advisory=True)
    assert "nothing was shown" in unwaivable(result(advice), WAIVABLE)


def test_exempt_checks_beside_do_not_matter():
    exempt = Check(name="c", verdict=Verdict.NOT_APPLICABLE, exemption=Exemption.NO_CHAMPION)
    assert unwaivable(result(exempt, FAILED), WAIVABLE) == ""


verdicts = st.sampled_from(list(Verdict))


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(verdicts, min_size=1), st.sampled_from([*WAIVABLE, "other"]), st.integers())
def test_an_excuse_is_never_for_an_error_nor_out_of_time(found, gate, moment):
    checks = tuple(
        Check(name=str(i), verdict=v, evidence={"code": "V105"}) for i, v in enumerate(found)
    )
    shut = GateResult(gate=gate, checks=checks)
    given = waiver(shut, bundle=BUNDLE)
    answer = asked(given, shut=shut, bundle=BUNDLE, moment=moment)
    if answer.waiver is not None:
        assert gate in WAIVABLE
        assert 10 <= moment < 20
        assert {Verdict.ERROR, Verdict.NOT_APPLICABLE}.isdisjoint(found)
