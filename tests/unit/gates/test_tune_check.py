from dataclasses import replace

import numpy as np
import pytest

from interlock.errors import AuthorError
from interlock.evaluate.predicted import Predicted
from interlock.gates.gate import run
from interlock.gates.model.baselines import NoBaselineOnTop
from interlock.gates.model.gate import ALWAYS_ON, model_gate
from interlock.gates.model.measurement import TuneRows
from interlock.gates.model.tuning import TuneAgrees
from interlock.verdict import Verdict

RNG = np.random.default_rng(21)


def _one(check, measurement):
    (found,) = run("model gate", [check], measurement).checks
    return found


def _tuned(measurement, error, *, baseline=0.30, n=300, hard=1.0):
    """Tune rows on which the winner errs by ``error``, where rows are so much harder for all."""
    y = measurement.y[:n]
    said = {
        "boosting": y * RNG.lognormal(0, error * hard, n),
        "median": y * RNG.lognormal(0, baseline * hard, n),
    }
    return replace(measurement, tune=TuneRows(y=y, predictions=said))


def test_a_test_like_tune_passes_as_advice(sound_model):
    found = _one(TuneAgrees(), _tuned(sound_model, 0.10))
    assert (found.name, found.verdict) == ("test no easier than tune", Verdict.PASSED)
    assert (found.advisory, found.shows, found.n) == (True, False, 300)
    assert 0.8 < found.measured < 1.25
    assert found.evidence["reference"] == "median"


def test_a_test_that_is_shown_to_be_too_easy_shuts_the_gate(sound_model):
    found = _one(TuneAgrees(), _tuned(sound_model, 0.20))
    assert (found.verdict, found.advisory, found.evidence["code"]) == (
        Verdict.FAILED,
        False,
        "M225",
    )
    assert 0.4 < found.measured < 0.65
    assert found.reason.startswith("measured 0.")


def test_rows_that_are_easy_for_everybody_are_no_leak(sound_model):
    """Half the error on test rows, for the baseline as well."""
    found = _one(TuneAgrees(), _tuned(sound_model, 0.10, hard=2.0))
    assert found.verdict is Verdict.PASSED


def test_what_the_rows_cannot_tell_is_advice(sound_model):
    found = _one(TuneAgrees(), _tuned(sound_model, 0.13))
    assert (found.verdict, found.advisory) == (Verdict.INCONCLUSIVE, True)
    few = _one(TuneAgrees(), _tuned(sound_model, 0.30, n=60))
    assert (few.verdict, few.advisory) == (Verdict.INCONCLUSIVE, True)
    assert few.reason == "60 rows are too few to judge by; at least 100 are needed"


def test_without_a_baseline_it_is_advice(sound_model):
    found = _one(TuneAgrees(), replace(_tuned(sound_model, 0.30), baselines=()))
    assert (found.verdict, found.advisory) == (Verdict.FAILED, True)


def test_without_tune_rows_it_is_advice(sound_model):
    for tune in (None, TuneRows(y=np.array([]), predictions={})):
        found = _one(TuneAgrees(), replace(sound_model, tune=tune))
        assert (found.verdict, found.advisory) == (Verdict.INCONCLUSIVE, True)
        assert found.reason == "there are no tune rows to compare the test rows with"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["boosting", "median"])
def test_a_bad_prediction_for_a_tune_row_shuts_the_gate(sound_model, name, bad):
    measurement = _tuned(sound_model, 0.1)
    measurement.tune.predictions[name][7] = bad
    found = _one(TuneAgrees(), measurement)
    assert (found.verdict, found.advisory) == (Verdict.ERROR, False)


def test_a_winner_that_was_not_tuned_shuts_the_gate(sound_model):
    measurement = _tuned(sound_model, 0.1)
    del measurement.tune.predictions["boosting"]
    found = _one(TuneAgrees(), measurement)
    assert (found.verdict, found.reason) == (
        Verdict.ERROR,
        "boosting was not scored on the tune rows",
    )


def test_classes_are_compared_by_log_loss(sound_classes):
    rng = np.random.default_rng(3)
    odds = rng.uniform(0.3, 0.7, 900)
    y = (rng.random(900) < odds).astype(float)
    said = {
        n: Predicted.of(np.column_stack([1 - o, o]))
        for n, o in (("boosting", odds), ("prior", np.full(900, 0.5)))
    }
    easier = _one(TuneAgrees(), replace(sound_classes, tune=TuneRows(y=y, predictions=said)))
    assert easier.evidence["metric"] == "log_loss"
    assert easier.verdict is Verdict.FAILED


def test_it_is_always_on():
    assert (TuneAgrees(),) == ALWAYS_ON
    assert [type(c).__name__ for c in model_gate(())] == [
        "BeatsBaselines",
        "NoWorseThanChampion",
        "TuneAgrees",
    ]
    assert model_gate([TuneAgrees(0.5)]) == (TuneAgrees(0.5), NoBaselineOnTop())


@pytest.mark.parametrize("bad", [0.0, 1.0, -1, float("nan"), "75%"])
def test_limits_that_cannot_be_used(bad):
    with pytest.raises(AuthorError) as error:
        TuneAgrees(bad).validate()
    assert error.value.mistakes[0].code == "M203"
