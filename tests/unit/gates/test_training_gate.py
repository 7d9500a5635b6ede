"""The training tests: what stops a candidate, in which words; nothing passes unmeasured."""

import math
from dataclasses import replace

import pytest

from interlock.digest import canonical_json
from interlock.gates.gate import run
from interlock.gates.training import TRAINING_TESTS, TrainingMeasurement, Trial
from interlock.verdict import Check, Verdict

SOUND = Trial(name="ridge", rows=500, metric="mae", unit="USD", value=9_000.0, constant=20_000.0)
BASELINE = Trial(name="median", rows=500)


def judged(*trials):
    result = run("training tests", TRAINING_TESTS, TrainingMeasurement(metric="mae", trials=trials))
    canonical_json(result.to_row())
    return result


def test_sound_candidates_and_baselines_pass():
    result = judged(SOUND, BASELINE)
    assert result.opens
    assert [check.name for check in result.checks] == ["ridge trains", "median trains"]
    first, second = result.checks
    assert (first.measured, first.comparison, first.threshold) == (9_000.0, "<", 20_000.0)
    assert (second.measured, second.threshold, second.n) == (None, None, 500)


WRONG = [
    (
        {"problem": "a candidate could not be fitted: ValueError: no", "code": "T109"},
        "T109",
        "a candidate could not be fitted: ValueError: no",
    ),
    ({"not_finite": 3, "value": math.nan}, "T142", "3 of 500 predictions are no finite numbers"),
    (
        {"repeated": False},
        "T143",
        "fitted again on the same rows with the same seed it is another model",
    ),
    (
        {"value": 20_000.0},
        "T144",
        "on the rows it has learned from its mae is 20,000 USD, that of a constant 20,000 USD",
    ),
    (
        {"value": 0.4, "constant": 0.5, "lower_is_better": False, "metric": "r2", "unit": "1"},
        "T144",
        "on the rows it has learned from its r2 is 0.4, that of a constant 0.5",
    ),
]


@pytest.mark.parametrize(("changes", "code", "reason"), WRONG)
def test_what_stops_a_candidate(changes, code, reason):
    result = judged(replace(SOUND, **changes), BASELINE)
    assert not result.opens
    (shut,) = [check for check in result.checks if not check.opens]
    assert isinstance(shut, Check)
    assert (shut.name, shut.verdict, shut.reason) == ("ridge trains", Verdict.FAILED, reason)
    assert shut.evidence["code"] == code


def test_all_that_is_wrong_with_a_candidate_is_said():
    (check,) = judged(replace(SOUND, repeated=False, value=30_000.0)).checks
    assert [part.split(" ")[0] for part in check.reason.split("; ")] == ["fitted", "on"]


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": 0},
        {"rows": -1},
        {"rows": math.nan},
        {"rows": None},
        {"not_finite": None},
        {"not_finite": math.nan},
        {"not_finite": -1},
        {"repeated": None},
        {"repeated": "yes"},
        {"value": math.nan},
        {"value": math.inf},
        {"value": -math.inf},
        {"value": None},
        {"constant": math.nan},
        {"constant": math.inf},
        {"constant": "many"},
    ],
)
def test_a_trial_with_a_hole_never_passes(changes):
    assert not judged(replace(SOUND, **changes)).opens


@pytest.mark.parametrize(
    "measurement", [None, object(), {}, TrainingMeasurement(metric="", trials=())]
)
def test_nothing_tried_is_an_error(measurement):
    result = run("training tests", TRAINING_TESTS, measurement)
    assert {check.verdict for check in result.checks} == {Verdict.ERROR}
