"""What only the full form of the service gate asks: start, memory, load, fuzz, planned faults."""

from dataclasses import replace

import pytest

from interlock.errors import AuthorError
from interlock.gates.service.faults import DISK_FULL, STORE_SLOW, WORKER_KILLED, Faults
from interlock.gates.service.form import Form
from interlock.gates.service.fuzz import Fuzz
from interlock.gates.service.in_time import InTime
from interlock.gates.service.load import Sustains
from interlock.gates.service.memory import MemoryBelow
from interlock.gates.service.start import ColdStartBelow
from interlock.gates.service.stress import FaultOutcome, FuzzOutcome, LoadWindow
from interlock.verdict import Exemption, Verdict


def judged(check, measurement, **changes):
    (answer,) = check.judge(replace(measurement, **changes))
    return answer


def loaded(measurement, windows):
    return judged(
        Sustains(200, p99="250ms"),
        measurement,
        load=(replace(measurement.load[0], windows=tuple(windows)),),
    )


def windows(*late, n=67):
    return [LoadWindow(n=n, late=each, unanswered=0) for each in late]


def test_a_start_is_judged_by_the_interval_of_its_median(sound_service):
    fine = judged(ColdStartBelow("1s"), sound_service)
    assert (fine.verdict, fine.measured, fine.n) == (Verdict.PASSED, 0.505, 6)
    slow = judged(ColdStartBelow("400ms"), sound_service)
    assert slow.verdict is Verdict.FAILED
    assert slow.reason == "the 95 % interval of the median start, 0.48 to 0.6 s, is above 0.4 s"
    noisy = judged(ColdStartBelow("550ms"), sound_service)
    assert noisy.verdict is Verdict.INCONCLUSIVE
    few = judged(ColdStartBelow("1s"), sound_service, cold_start_seconds=(0.1,) * 5)
    assert few.reason == "5 starts are too few to judge by; at least 6 are needed"


def test_memory_is_the_highest_that_was_seen(sound_service):
    assert judged(MemoryBelow("120MB"), sound_service).verdict is Verdict.PASSED
    much = judged(MemoryBelow("0.1GB"), sound_service)
    assert much.reason == "measured 120 MB, must be ≤ 100 MB"
    assert much.evidence["code"] == "V115"


def test_scattered_late_requests_up_to_one_in_a_hundred_pass(sound_service):
    assert loaded(sound_service, windows(*[0] * 11, 1)).verdict is Verdict.PASSED
    some = loaded(sound_service, windows(*[2] * 12))
    assert some.verdict is Verdict.FAILED
    assert some.reason == "24 of 804 requests were later than 250 ms, where 1 in 100 may be"
    assert some.evidence["code"] == "V116"


def test_a_stall_does_not_pass_though_most_windows_are_quiet(sound_service):
    stalled = loaded(sound_service, windows(*[0] * 11, 60))
    assert stalled.verdict is Verdict.INCONCLUSIVE
    assert stalled.evidence["code"] == "V106"
    assert "60 of 804 requests were later than 250 ms, close together" in stalled.reason


def test_load_of_another_rate_few_requests_or_none_prove_nothing(sound_service):
    (step,) = sound_service.load
    check = Sustains(200, p99="250ms")
    for other in ({"offered": 100}, {"limit_seconds": 1.0}, {"judged": False}):
        answer = judged(check, sound_service, load=(replace(step, **other),))
        assert answer.verdict is Verdict.ERROR
    few = loaded(sound_service, windows(*[0] * 12, n=10))
    assert few.verdict is Verdict.INCONCLUSIVE
    assert few.reason == "120 requests are too few to judge by; at least 600 are needed"
    gone = [LoadWindow(n=67, late=67, unanswered=67)] * 12
    assert loaded(sound_service, gone).verdict is Verdict.FAILED
    odd = [LoadWindow(n=67, late=-1, unanswered=0)] * 12
    assert loaded(sound_service, odd).verdict is Verdict.ERROR


def test_one_wrong_answer_to_a_generated_request_shuts(sound_service):
    wrong = replace(sound_service.fuzz, wrong=("POST /v1/predict {}: 500",))
    answer = judged(Fuzz(), sound_service, fuzz=wrong)
    assert answer.verdict is Verdict.FAILED
    assert "POST /v1/predict {}: 500" in answer.reason
    for hole in (None, FuzzOutcome(operations=17, sent=99, fitting=50)):
        assert judged(Fuzz(), sound_service, fuzz=hole).verdict is Verdict.ERROR
    mute = FuzzOutcome(operations=17, sent=1_000, fitting=0)
    assert judged(Fuzz(), sound_service, fuzz=mute).verdict is Verdict.ERROR


def faulted(measurement, fault, **changes):
    """The answer about one fault, its outcome changed."""
    outcomes = {outcome.fault: outcome for outcome in measurement.faults}
    outcomes[fault] = replace(outcomes[fault], **changes)
    answers = Faults().judge(replace(measurement, faults=tuple(outcomes.values())))
    return {answer.name: answer for answer in answers}[fault]


def test_each_fault_has_an_answer_of_its_own(sound_service):
    wrong = faulted(sound_service, DISK_FULL, wrong=("due 1, got 2",))
    assert wrong.verdict is Verdict.FAILED
    assert wrong.reason == "measured 1 wrong answers, must be ≤ 0 wrong answers: due 1, got 2"
    lost = faulted(sound_service, WORKER_KILLED, recovered_seconds=None)
    assert lost.verdict is Verdict.FAILED
    assert "it was not right again after the fault had ended" in lost.reason
    mute = faulted(sound_service, DISK_FULL, problem="it could not be planned: no port")
    assert (mute.verdict, mute.reason) == (Verdict.ERROR, "it could not be planned: no port")
    assert faulted(sound_service, DISK_FULL, asked=0).verdict is Verdict.ERROR


def test_a_fault_that_was_not_planned_is_an_error_unless_it_cannot_happen(sound_service):
    local = faulted(sound_service, STORE_SLOW, exempt=Exemption.LOCAL_STORE)
    assert (local.verdict, local.exemption) == (Verdict.NOT_APPLICABLE, Exemption.LOCAL_STORE)
    for fault, why in ((DISK_FULL, Exemption.NO_HISTORY), (STORE_SLOW, Exemption.NO_TIME)):
        assert faulted(sound_service, fault, exempt=why).verdict is Verdict.ERROR
    (first, *rest) = Faults().judge(replace(sound_service, faults=sound_service.faults[1:]))
    assert (first.verdict, first.reason) == (Verdict.ERROR, "this fault was not planned")
    assert all(answer.opens for answer in rest)
    twice = FaultOutcome(fault="something else", asked=1, answered=1, recovered_seconds=0.0)
    assert len(Faults().judge(replace(sound_service, faults=(twice,)))) == 5


def test_what_was_cut_short_is_named(sound_service):
    late = judged(InTime(), sound_service, overdue="load: ended after 9.0 s; before it start 0.6 s")
    assert (late.verdict, late.evidence["code"]) == (Verdict.ERROR, "V119")
    assert late.reason.startswith("not measured within 180 s: load: ended after 9.0 s")
    quick = replace(sound_service, form=Form.QUICK, part_seconds={"parity": 61.0})
    assert judged(InTime(), quick).verdict is Verdict.FAILED
    assert judged(InTime(), quick, form=Form.FULL).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    "check",
    [
        Sustains(5, p99="1s"),
        Sustains(1e6, p99="1s"),
        Sustains(100, p99="0ms"),
        MemoryBelow("much"),
        MemoryBelow("0MB"),
        ColdStartBelow("0s"),
    ],
)
def test_a_limit_that_cannot_be_met_or_missed_is_refused(check):
    with pytest.raises(AuthorError) as refused:
        check.validate()
    assert refused.value.code == "V101"


def test_the_same_limit_is_the_same_declaration():
    assert Sustains(200, p99="1s").to_row() == Sustains(200.0, p99="1000ms").to_row()
    assert MemoryBelow("1GB").to_row() == MemoryBelow("1000MB").to_row()
    assert ColdStartBelow("1s").to_row() == ColdStartBelow("1000ms").to_row()
