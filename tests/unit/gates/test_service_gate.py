from dataclasses import replace

import numpy as np
import pytest

from interlock.errors import AuthorError
from interlock.gates.gate import run
from interlock.gates.service.answers import BadInput, EdgeParity, Parity
from interlock.gates.service.form import Form
from interlock.gates.service.gate import ALWAYS_ON, FULL, service_gate
from interlock.gates.service.latency import P99Below
from interlock.gates.service.measurement import LatencyWindow
from interlock.gates.service.memory import MemoryBelow
from interlock.verdict import Verdict


def _shut(check, measurement):
    result = run("service gate", [check], measurement)
    (found,) = [answer for answer in result.checks if not answer.opens]
    return found


@pytest.mark.parametrize(
    ("check", "change", "name", "code", "reason"),
    [
        (
            Parity(),
            {"feature_mismatches": 2, "differences": ("row 7: age_years 3, got 4",)},
            "feature parity",
            "V102",
            "measured 2 mismatches, must be ≤ 0 mismatches: row 7: age_years 3, got 4",
        ),
        (
            Parity(),
            {"prediction_mismatches": 1},
            "prediction parity",
            "V102",
            "measured 1 mismatches, must be ≤ 0 mismatches",
        ),
        (
            Parity(),
            {"worst_prediction_difference": 1e-9},
            "worst prediction difference",
            "V102",
            "measured 1e-09 relative, must be ≤ 1e-12 relative",
        ),
        (
            Parity(),
            {"unanswered": 3},
            "every request answered",
            "V108",
            "measured 3, must be ≤ 0",
        ),
        (
            EdgeParity(),
            {"edge_mismatches": 1},
            "edge parity",
            "V103",
            "measured 1 mismatches, must be ≤ 0 mismatches",
        ),
        (
            BadInput(),
            {"bad_inputs_wrong": ("NaN in easting_m: 200, due 422",)},
            "bad input",
            "V104",
            "measured 1 wrong answers, must be ≤ 0 wrong answers: NaN in easting_m: 200, due 422",
        ),
    ],
)
def test_a_difference_fails_and_says_where(sound_service, check, change, name, code, reason):
    found = _shut(check, replace(sound_service, **change))
    assert (found.verdict, found.name, found.evidence["code"], found.reason) == (
        Verdict.FAILED,
        name,
        code,
        reason,
    )


@pytest.mark.parametrize(
    ("compared", "refused", "verdict", "reason"),
    [
        (20, 380, Verdict.PASSED, ""),
        (2, 0, Verdict.PASSED, ""),
        (19, 6, Verdict.PASSED, ""),
        (
            19,
            381,
            Verdict.INCONCLUSIVE,
            "19 answered edge cases are too few to judge by; at least 20 are needed; "
            "training and service refused 381 cases",
        ),
        (
            1,
            1,
            Verdict.INCONCLUSIVE,
            "1 answered edge case is too few to judge by; at least 20 are needed; "
            "training and service refused 1 case",
        ),
    ],
)
def test_what_both_sides_refuse_is_not_compared(sound_service, compared, refused, verdict, reason):
    measured = replace(sound_service, edge_rows_compared=compared, edge_rows_refused=refused)
    (found,) = EdgeParity().judge(measured)
    assert (found.verdict, found.reason) == (verdict, reason)
    assert (found.n, found.evidence["refused"]) == (compared, refused)
    (wrong,) = EdgeParity().judge(replace(measured, edge_mismatches=1))
    assert wrong.verdict is Verdict.FAILED
    (nothing,) = EdgeParity().judge(replace(measured, edge_rows_compared=0))
    assert (nothing.verdict, nothing.reason) == (Verdict.ERROR, "no edge rows were compared")


@pytest.mark.parametrize(
    ("compared", "skipped", "verdict", "reason"),
    [
        (60, 0, Verdict.PASSED, ""),
        (100, 900, Verdict.PASSED, ""),
        (
            99,
            1,
            Verdict.INCONCLUSIVE,
            "99 rows are too few to judge by; at least 100 are needed; "
            "1 row was left out as time was short",
        ),
    ],
)
def test_fewer_rows_for_want_of_time(sound_service, compared, skipped, verdict, reason):
    measured = replace(sound_service, rows_compared=compared, rows_skipped=skipped)
    found = Parity().judge(measured)
    assert {(check.verdict, check.reason) for check in found} == {(verdict, reason)}
    assert found[1].evidence["skipped"] == skipped
    wrong = Parity().judge(replace(measured, feature_mismatches=1))
    assert wrong[1].verdict is Verdict.FAILED


def test_a_tolerance_that_would_hide_answers_is_an_error(sound_service):
    found = _shut(Parity(), replace(sound_service, tolerance=0.01))
    assert (found.verdict, found.reason) == (
        Verdict.ERROR,
        "a tolerance of 0.01 would hide wrong answers",
    )


def _windows(p99_ms, n=150):
    return tuple(LatencyWindow(n=n, p50_seconds=0.001, p99_seconds=ms / 1_000) for ms in p99_ms)


def _latency(sound_service, p99_ms, n=150, limit="20ms"):
    measurement = replace(sound_service, latency_windows=_windows(p99_ms, n))
    (found,) = run("service gate", [P99Below(limit)], measurement).checks
    return found


def test_a_quiet_and_quick_service_passes(sound_service):
    found = _latency(sound_service, [4, 5, 6, 7, 8, 9])
    assert (found.verdict, found.measured, found.threshold) == (Verdict.PASSED, 6.5, 20.0)
    assert (found.interval.low, found.interval.high, found.reason) == (4, 9, "")


def test_one_disturbed_window_of_ten_does_not_decide(sound_service):
    found = _latency(sound_service, [4, 5, 5, 5, 5, 6, 6, 6, 7, 500])
    assert found.verdict is Verdict.PASSED
    assert (found.interval.low, found.interval.high) == (5, 7)
    assert (found.n, found.unit, found.evidence["p99_ms"][-1]) == (1_500, "ms", 500)


def test_a_slow_service_fails(sound_service):
    found = _latency(sound_service, [31, 32, 33, 34, 35, 36])
    assert (found.verdict, found.evidence["code"]) == (Verdict.FAILED, "V105")
    assert found.reason == "the 95 % interval of p99, 31 to 36 ms, is above 20 ms"


def test_a_noisy_machine_is_inconclusive_and_says_to_run_again(sound_service):
    found = _latency(sound_service, [4, 50, 5, 60, 6, 70, 7, 80])
    assert (found.verdict, found.evidence["code"]) == (Verdict.INCONCLUSIVE, "V106")
    assert found.reason == (
        "too noisy to judge: the 95 % interval of p99, 4 to 80 ms, holds the limit of 20 ms: "
        "run the delivery again when the machine is quieter"
    )


@pytest.mark.parametrize(("count", "n"), [(5, 150), (10, 99)])
def test_too_few_windows_or_requests_are_inconclusive(sound_service, count, n):
    found = _latency(sound_service, [1] * count, n)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reason == (
        f"{count} windows of at least {n} requests are too few to judge by; at least 6 of 100 are "
        "needed: run the delivery again when the machine is quieter"
    )


def test_a_window_holds_its_percentiles():
    seconds = np.random.default_rng(0).exponential(0.001, 333)
    window = LatencyWindow.of(seconds)
    assert window.n == 333
    assert window.p50_seconds == np.quantile(seconds, 0.5, method="inverted_cdf")
    assert window.p99_seconds == np.quantile(seconds, 0.99, method="inverted_cdf")
    assert np.isnan(LatencyWindow.of([0.1, float("nan"), 0.2]).p99_seconds)
    with pytest.raises(ValueError, match="at least one request"):
        LatencyWindow.of([])


def test_some_checks_are_always_on_and_some_in_the_full_form():
    assert service_gate([]) == ALWAYS_ON
    names = [type(c).__name__ for c in service_gate([])]
    assert names == [
        "Parity",
        "EdgeParity",
        "Symmetry",
        "BadInput",
        "FieldOrder",
        "ConsumerContracts",
        "InTime",
    ]
    assert service_gate([P99Below("5ms")]) == (P99Below("5ms"), *ALWAYS_ON)
    names += ["ColdStartBelow", "MemoryBelow", "Sustains", "Fuzz", "Faults"]
    assert [type(c).__name__ for c in service_gate([], Form.FULL)] == names
    declared = [MemoryBelow("100MB"), P99Below("5ms")]
    assert service_gate(declared) == (P99Below("5ms"), *ALWAYS_ON)
    full = service_gate(declared, Form.FULL)
    assert full[:2] == tuple(declared)
    assert len(full) == 2 + len(ALWAYS_ON) + len(FULL) - 1


def test_latency_limits_have_a_canonical_row():
    assert P99Below("20ms").to_row() == {"check": "P99Below", "limit": 20_000}
    assert Parity().to_row() == {"check": "Parity"}


@pytest.mark.parametrize(("limit", "code"), [("0ms", "V101"), ("fast", "C102"), (20, "C102")])
def test_a_latency_limit_that_is_none_is_refused(limit, code):
    with pytest.raises(AuthorError) as refused:
        P99Below(limit).validate()
    assert refused.value.code == code
