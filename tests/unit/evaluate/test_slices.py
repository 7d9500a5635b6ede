import numpy as np
import pytest

from interlock.evaluate.compare import estimate
from interlock.evaluate.metrics import METRICS
from interlock.evaluate.parts import parts_of
from interlock.evaluate.slices import Rule, sliced
from interlock.stats.resamples import Resamples
from interlock.verdict import Verdict

RNG = np.random.default_rng(2)
N = 1_200
MAE, SHARE, AUC = METRICS["mae"], METRICS["within_10"], METRICS["roc_auc"]
WHERE = np.array(["town"] * 700 + ["lake"] * 300 + ["hill"] * 150 + ["moor"] * 50)
Y = RNG.uniform(100, 200, N)
NOISE = RNG.normal(0, 5, N)
GOOD = Y + NOISE
WORSE_AT_LAKE = Y + NOISE * np.where(WHERE == "lake", 2.0, 1.0)
PARTS = parts_of("where", WHERE.tolist())
DRAWN = Resamples.of(N, seed=3)


def _of(metric, prediction, rule, **options):
    drawn = options.pop("drawn", DRAWN)
    found = sliced(metric, Y, prediction, PARTS, drawn, rule, **options)
    return {s.label: s for s in found}


def test_a_slice_has_its_value_interval_and_what_is_allowed():
    found = _of(MAE, WORSE_AT_LAKE, Rule(limit=6.0))
    lake, rows = found["lake"], WHERE == "lake"
    alone = estimate(MAE, Y[rows], WORSE_AT_LAKE[rows], seed=9)
    assert lake.value == pytest.approx(alone.value)
    assert lake.interval.low == pytest.approx(alone.interval.low, rel=0.03)
    assert lake.interval.high == pytest.approx(alone.interval.high, rel=0.03)
    assert (lake.named, lake.n, lake.share, lake.units) == ("where = lake", 300, 0.25, 300)
    assert (lake.allowed, lake.reference) == (6.0, None)
    assert lake.compared.low == pytest.approx(lake.interval.low)
    assert lake.compared.high == pytest.approx(lake.interval.high)
    assert lake.verdict is Verdict.FAILED
    assert lake.p <= lake.q <= 0.05
    assert {k: s.verdict for k, s in found.items() if k in ("town", "hill")} == {
        "town": Verdict.PASSED,
        "hill": Verdict.PASSED,
    }
    assert (found["moor"].judged, found["moor"].reason) == (False, "too few")


def test_a_limit_lies_on_the_side_of_the_metric():
    at_lake = _of(SHARE, WORSE_AT_LAKE, Rule(limit=0.95))["lake"]
    assert at_lake.value < 0.95
    assert at_lake.verdict is Verdict.FAILED
    assert _of(SHARE, WORSE_AT_LAKE, Rule(limit=0.5))["lake"].verdict is Verdict.PASSED


def test_a_margin_refers_to_all_rows():
    found = _of(MAE, WORSE_AT_LAKE, Rule(margin=0.2, relative=True))
    whole = MAE.value(Y, WORSE_AT_LAKE)
    assert found["lake"].reference == pytest.approx(whole)
    assert found["lake"].allowed == pytest.approx(1.2 * whole)
    assert found["lake"].verdict is Verdict.FAILED
    assert found["town"].verdict is Verdict.PASSED


def test_a_margin_may_refer_to_another_model_on_the_same_rows():
    found = _of(MAE, WORSE_AT_LAKE, Rule(margin=0.2, relative=True), other=GOOD)
    rows = WHERE == "lake"
    assert found["lake"].reference == pytest.approx(MAE.value(Y[rows], GOOD[rows]))
    assert found["lake"].verdict is Verdict.FAILED
    assert found["town"].compared.high < found["town"].allowed
    hill = _of(MAE, GOOD, Rule(margin=0.01), other=GOOD)["hill"]  # the same errors in every draw
    assert hill.compared.low == pytest.approx(hill.value) == hill.compared.high
    assert hill.interval.low < hill.value < hill.interval.high


def test_a_margin_of_a_higher_metric_lies_below():
    found = _of(SHARE, WORSE_AT_LAKE, Rule(margin=0.05), other=GOOD)
    lake = found["lake"]
    assert lake.allowed == pytest.approx(lake.reference - 0.05)
    assert lake.verdict is Verdict.FAILED


def test_slices_are_drawn_by_cluster():
    ids = np.arange(N) // 20
    drawn = Resamples.of(N, seed=3, clusters=ids)
    found = _of(MAE, GOOD, Rule(limit=9.0), drawn=drawn)
    assert [found[k].units for k in ("town", "lake", "hill", "moor")] == [35, 15, 8, 3]
    assert found["town"].judged
    assert found["lake"].reason == "too few"  # 300 rows of 15 units


def test_a_slice_without_a_value_is_not_judged():
    y = (RNG.random(N) < 0.3).astype(float)
    y[WHERE == "hill"] = 0.0
    odds = np.clip(RNG.uniform(0.1, 0.5, N) + 0.2 * y, 0.01, 0.99)
    rule = Rule(limit=0.5)
    found = sliced(AUC, y, np.column_stack([1 - odds, odds]), PARTS, DRAWN, rule)
    hill = next(s for s in found if s.label == "hill")
    assert (hill.judged, hill.reason, hill.verdict) == (False, "undefined", Verdict.INCONCLUSIVE)
    assert next(s for s in found if s.label == "town").judged


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_bad_prediction_leaves_its_slice_unjudged(bad):
    spoiled = GOOD.copy()
    spoiled[0] = bad
    found = _of(MAE, spoiled, Rule(limit=9.0))
    assert found["town"].reason == "undefined"
    whole = _of(MAE, spoiled, Rule(margin=9.0))
    assert {s.reason for s in whole.values()} == {"undefined", "too few"}
    assert all(s.verdict is not Verdict.PASSED for s in whole.values())


def test_no_parts_no_slices():
    assert sliced(MAE, Y, GOOD, (), DRAWN, Rule(limit=1.0)) == ()
