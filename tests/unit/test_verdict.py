"""Verdicts fail closed: only *passed* opens, and a closed list of exemptions."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.digest import canonical_json
from interlock.verdict import Check, Exemption, GateResult, Interval, Verdict, worst

numbers = st.floats(allow_nan=True, allow_infinity=True)
optional_numbers = st.none() | numbers
finite = st.floats(allow_nan=False, allow_infinity=False)
intervals = st.builds(Interval, low=numbers, high=numbers, level=st.sampled_from([0.8, 0.95]))
checks = st.builds(
    Check,
    name=st.text(max_size=5),
    verdict=st.sampled_from(Verdict),
    measured=optional_numbers,
    comparison=st.sampled_from(["", "≤", "≥", "<"]),
    threshold=optional_numbers,
    interval=st.none() | intervals,
    n=st.none() | st.integers(0, 10),
    reason=st.text(max_size=5),
    exemption=st.none() | st.sampled_from(Exemption),
    evidence=st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=2),
    advisory=st.booleans(),
)
results = st.builds(
    GateResult, gate=st.just("data gate"), checks=st.lists(checks, max_size=4).map(tuple)
)


def check(verdict, **more):
    return Check(name="minimum rows", verdict=verdict, **more)


@pytest.mark.parametrize("verdict", Verdict)
def test_only_passed_opens_by_itself(verdict):
    assert check(verdict).opens == (verdict is Verdict.PASSED)


@pytest.mark.parametrize("exemption", Exemption)
def test_not_applicable_opens_for_each_listed_reason_and_nothing_else_does(exemption):
    opening = [v for v in Verdict if check(v, exemption=exemption).opens]
    assert opening == [Verdict.PASSED, Verdict.NOT_APPLICABLE]


def test_the_list_of_exemptions_is_closed():
    assert [e.value for e in Exemption] == [
        "no champion yet",
        "it is the champion itself",
        "the champion no longer fits, and the product says to go on",
        "the product has no baseline",
        "the product has no time",
        "the product has no history features",
        "no consumer has left a contract",
        "the online store is a folder on this machine",
        "every history of the product is SQL written by hand",
    ]


@pytest.mark.parametrize("invented", ["", "no time to measure", 0, False, "NO_CHAMPION", []])
def test_an_invented_exemption_opens_nothing(invented):
    assert not check(Verdict.NOT_APPLICABLE, exemption=invented).opens


def test_an_exemption_that_is_not_listed_cannot_be_read():
    row = check(Verdict.NOT_APPLICABLE, exemption=Exemption.NO_TIME).to_row()
    for invented in ("no time to measure", "", 0, False):
        with pytest.raises(ValueError, match="is not a valid Exemption"):
            Check.from_row(row | {"exemption": invented})
    assert not Check.from_row(row | {"exemption": None}).opens


@pytest.mark.parametrize("verdict", ["", "PASSED", "ok", None, 1])
def test_a_verdict_that_is_not_listed_cannot_be_read(verdict):
    with pytest.raises(ValueError, match="is not a valid Verdict"):
        Check.from_row(check(Verdict.FAILED).to_row() | {"verdict": verdict})


def test_a_verdict_as_mere_text_opens_nothing():
    assert not check("passed").opens


def test_a_gate_without_checks_stays_shut():
    empty = GateResult(gate="model gate", checks=())
    assert not empty.opens
    assert empty.verdict is Verdict.ERROR


@given(results)
def test_a_gate_opens_exactly_when_none_shuts_it_and_one_that_could_have_passed(result):
    binding = [c for c in result.checks if not c.advisory]
    shown = any(c.verdict is Verdict.PASSED for c in binding)
    assert result.opens == (shown and all(c.opens for c in binding))
    assert (result.verdict is Verdict.PASSED) == result.opens


@given(st.lists(checks, max_size=4))
def test_advice_and_exemptions_alone_open_no_gate(found):
    exempt = [check(Verdict.NOT_APPLICABLE, exemption=Exemption.NO_CHAMPION)]
    advice = [replace(one, advisory=True) for one in found]
    result = GateResult(gate="data gate", checks=(*exempt, *advice))
    assert not result.opens
    assert result.verdict is Verdict.ERROR


@given(results, st.sampled_from(Verdict))
def test_advice_changes_nothing_whatever_it_says(result, verdict):
    wider = replace(result, checks=(*result.checks, check(verdict, advisory=True)))
    assert (wider.opens, wider.verdict) == (result.opens, result.verdict)


@pytest.mark.parametrize("said", ["yes", 1, None, "False", []])
def test_only_a_plain_true_makes_a_check_advisory(said):
    failed = replace(check(Verdict.FAILED), advisory=said)
    assert failed.shuts
    with pytest.raises(ValueError, match="does not say whether a check is advisory"):
        Check.from_row(failed.to_row())


def test_a_row_written_before_there_was_advice_is_binding():
    row = check(Verdict.FAILED).to_row()
    del row["advisory"]
    assert Check.from_row(row).shuts


@given(results, checks)
def test_one_more_check_never_opens_a_gate_that_another_shuts(result, more):
    wider = GateResult(gate=result.gate, checks=(*result.checks, more))
    if result.shut_by or more.shuts:
        assert not wider.opens


def test_the_gates_verdict_is_the_worst_of_those_that_keep_it_shut():
    exempt = check(Verdict.NOT_APPLICABLE, exemption=Exemption.NO_CHAMPION)
    undecided, failed = check(Verdict.INCONCLUSIVE), check(Verdict.FAILED)
    passed = check(Verdict.PASSED)

    def verdict(*found):
        return GateResult(gate="model gate", checks=found).verdict

    assert verdict(passed, exempt) is Verdict.PASSED
    assert verdict(passed, check(Verdict.NOT_APPLICABLE)) is Verdict.NOT_APPLICABLE
    assert verdict(passed, undecided, exempt) is Verdict.INCONCLUSIVE
    assert verdict(undecided, failed, passed) is Verdict.FAILED
    assert verdict(check(Verdict.ERROR), failed) is Verdict.ERROR


@given(st.lists(st.sampled_from(Verdict), min_size=1))
def test_worst_knows_no_order(verdicts):
    assert worst(verdicts) is worst(reversed(verdicts))
    assert worst(verdicts) in verdicts


def test_worst_ranks_the_verdicts_and_of_none_says_error():
    ranked = [
        Verdict.PASSED,
        Verdict.NOT_APPLICABLE,
        Verdict.INCONCLUSIVE,
        Verdict.FAILED,
        Verdict.ERROR,
    ]
    for k, verdict in enumerate(ranked):
        assert worst(ranked[: k + 1]) is verdict
    assert worst([]) is Verdict.ERROR


def plain(number):
    return None if number is None or not math.isfinite(number) else number


@given(results)
def test_a_row_is_canonical_json_and_reads_back_with_the_same_answer(result):
    row = json.loads(canonical_json(result.to_row()))
    back = GateResult.from_row(row)
    assert back.opens == result.opens
    assert back.verdict is result.verdict
    assert back.to_row() == result.to_row()
    for was, now in zip(result.checks, back.checks, strict=True):
        assert now.measured == plain(was.measured)
        assert now.threshold == plain(was.threshold)
        assert (now.verdict, now.exemption, now.n) == (was.verdict, was.exemption, was.n)


@given(finite, finite)
def test_a_finite_check_comes_back_equal(measured, low):
    made = check(
        Verdict.PASSED,
        measured=measured,
        comparison="≥",
        threshold=low,
        interval=Interval(low=low, high=low, level=0.9),
        n=7,
        unit="USD",
        evidence={"counts": {"a": 1}},
    )
    assert Check.from_row(made.to_row()) == made


def test_an_interval_that_was_no_number_comes_back_as_no_number():
    made = check(Verdict.ERROR, interval=Interval(low=float("nan"), high=float("inf")))
    row = made.to_row()
    assert row["interval"] == {"low": None, "high": None, "level": 0.95}
    back = Check.from_row(row).interval
    assert math.isnan(back.low)
    assert math.isnan(back.high)
    assert back.level == 0.95
