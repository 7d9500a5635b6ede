"""How wide the intervals are that were answered, beside what is allowed."""

from dataclasses import replace

import numpy as np
import pytest

from interlock.errors import AuthorError
from interlock.gates.gate import run
from interlock.gates.model.width import IntervalWidth
from interlock.verdict import Verdict


def _one(check, measurement):
    (found,) = run("model gate", [check], measurement).checks
    return found


@pytest.fixture
def served(sound_model):
    """Intervals from 10,000 to 50,000 USD wide, the median 30,000; every fifth truth missed."""
    wide = np.linspace(10_000, 50_000, 1_000)
    low = sound_model.y - wide / 2
    return replace(sound_model, low=low, high=low + wide)


def test_the_median_width_goes_by_its_whole_interval(served):
    found = _one(IntervalWidth(35_000), served)
    assert (found.name, found.verdict) == ("median interval width ≤ 35,000 USD", Verdict.PASSED)
    assert (round(found.measured), found.unit, found.n) == (30_000, "USD", 1_000)
    assert found.interval.low < 30_000 < found.interval.high < 35_000
    assert _one(IntervalWidth(30_500), served).verdict is Verdict.INCONCLUSIVE
    failed = _one(IntervalWidth(20_000), served)
    assert (failed.verdict, failed.evidence["code"]) == (Verdict.FAILED, "M226")
    low, high = failed.interval.low, failed.interval.high
    assert failed.reason == (
        f"measured 30,000 USD, 95 % interval {low:,.0f} USD to {high:,.0f} USD, "
        "must be ≤ 20,000 USD"
    )


def test_another_quantile(served):
    found = _one(IntervalWidth(50_000, quantile=0.9), served)
    assert found.name == "0.9 quantile of interval width ≤ 50,000 USD"
    assert found.measured == pytest.approx(46_000)


def test_a_share_is_of_the_prediction(served):
    prediction = np.asarray(served.predictions["boosting"])
    found = _one(IntervalWidth("60%"), served)
    assert found.name == "median interval width ≤ 60 % of the prediction"
    assert found.measured == pytest.approx(np.median((served.high - served.low) / prediction))
    assert (found.verdict, found.unit) == (Verdict.PASSED, "%")
    zero = {**served.predictions, "boosting": np.where(np.arange(1_000) == 3, 0.0, prediction)}
    found = _one(IntervalWidth("60%"), replace(served, predictions=zero))
    assert (found.verdict, found.reason) == (
        Verdict.ERROR,
        "nothing is relative to a prediction of 0",
    )


def test_the_widest_slice_is_named(served):
    wide = np.array(served.columns["where"]) == "lake"
    measurement = replace(served, high=served.high + np.where(wide, 40_000, 0))
    found = _one(IntervalWidth(40_000, by="where"), measurement)
    assert found.name == "median interval width ≤ 40,000 USD in every slice of where"
    assert (found.verdict, found.n) == (Verdict.FAILED, 200)
    assert found.reason.startswith("where = lake: 69,960 USD, 95 % interval ")
    assert _one(IntervalWidth(80_000, by="where"), measurement).verdict is Verdict.PASSED


def test_everything_is_too_wide(served):
    endless = replace(served, high=np.full(1_000, 1e12))
    assert _one(IntervalWidth(10**6), endless).verdict is Verdict.FAILED
    assert _one(IntervalWidth("100%"), endless).verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"low": None}, "the winner answers without prediction intervals"),
        ({"high": np.full(1_000, np.nan)}, "1,000 rows have an end or a truth that is not finite"),
        ({"columns": {}}, "there is no column where to cut the rows by"),
    ],
)
def test_what_was_not_measured_is_an_error(served, change, reason):
    found = _one(IntervalWidth(10**6, by="where"), replace(served, **change))
    assert (found.verdict, found.reason) == (Verdict.ERROR, reason)


@pytest.mark.parametrize(
    "check",
    [
        IntervalWidth(0),
        IntervalWidth(float("inf")),
        IntervalWidth("wide"),
        IntervalWidth("0%"),
        IntervalWidth(True),
        IntervalWidth(1, quantile=0),
        IntervalWidth(1, quantile=1),
    ],
)
def test_limits_that_cannot_be_used(check):
    with pytest.raises(AuthorError) as error:
        check.validate()
    assert error.value.mistakes[0].code == "M203"
