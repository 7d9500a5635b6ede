"""Training tests on real candidates: which change breaks which, within seconds, and why."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

import interlock as il
from interlock.pipeline.rows.examples import make_examples
from interlock.pipeline.rows.snapshots import take_snapshots
from interlock.pipeline.training.training import training_data
from interlock.pipeline.training.training_tests import MORE_ROWS, ROWS, chosen_rows, rehearse
from interlock.verdict import GateResult

N = 2_400


class House(il.Request):
    valued_on: date = il.asked_at(zone="UTC")
    built: int = il.field(ge=1900)
    rooms: float


class Broken(RegressorMixin, BaseEstimator):
    """Fits nothing: raises, or predicts what its ``mood`` says."""

    def __init__(self, mood="raises", random_state=None):
        self.mood = mood
        self.random_state = random_state

    def fit(self, X, y):
        if self.mood == "raises":
            raise ValueError("no such luck")
        return self

    def predict(self, X):
        return np.zeros(len(X))


@il.postprocess
def no_more(prediction: float) -> float:
    if prediction > 6_000:
        raise ValueError("more")
    return prediction


@pytest.fixture
def tested(bench):
    rng = np.random.default_rng(0)
    built, rooms = rng.integers(1900, 2000, N), rng.uniform(1, 9, N)
    price = 1_000 * rooms + 10 * (built - 1900) + rng.normal(0, 300, N)
    columns = {
        "sale_id": list(range(N)),
        "sold_on": [date(1996, 1, 1) + timedelta(days=i // 8) for i in range(N)],
        "built": built.tolist(),
        "rooms": rooms.tolist(),
        "price": price.tolist(),
        "dear": (price > 5_000).tolist(),
        "size": np.where(
            rng.random(N) < 0.01, "huge", np.where(rooms > 5, "big", "small")
        ).tolist(),
    }
    pq.write_table(pa.table(columns), bench.folder / "sales.parquet")

    def test(candidates, **changes):
        source = il.Source(
            "sales.parquet", key="sale_id", event_time="sold_on", available_after="1d"
        )
        parts = {
            "request": House,
            "examples": source.map(valued_on="sold_on"),
            "candidates": candidates,
            "split": il.TimeSplit(tune="20d", calibrate="20d", test="60d"),
        }
        context = bench.context(as_of="1997-02-01", **(parts | changes))
        examples = make_examples(context, take_snapshots(context))
        outcome = rehearse(context, examples, "root")
        result = GateResult.from_row(outcome.output["result"])
        data = training_data(context, examples)
        return result, outcome, data, lambda: rehearse(context, examples, "root")

    return test


MEAN = {"mean": il.Baseline(il.Mean())}


def checks_of(found):
    return {check.name.removesuffix(" trains"): check for check in found[0].checks}


def test_sound_candidates_pass_and_are_not_tried_again(tested):
    searched = il.Candidate(
        HistGradientBoostingRegressor(max_iter=20),
        search={"max_leaf_nodes": il.int_range(5, 15)},
        target="log",
    )
    found = tested({**MEAN, "linear": il.Candidate(LinearRegression()), "boosting": searched})
    checks = checks_of(found)
    assert found[0].opens, found[0].to_row()
    assert list(checks) == ["mean", "linear", "boosting"]
    assert {check.n for check in checks.values()} == {ROWS}
    assert checks["linear"].measured < checks["linear"].threshold
    assert not found[1].cached
    assert found[3]().cached


def test_a_candidate_that_cannot_be_fitted_is_named_and_not_kept(tested):
    found = tested({**MEAN, "broken": il.Candidate(Broken()), "ridge": il.Candidate(Ridge())})
    checks = checks_of(found)
    assert [name for name, check in checks.items() if not check.opens] == ["broken"]
    assert checks["broken"].reason == "a candidate could not be fitted: ValueError: no such luck"
    assert checks["broken"].evidence["code"] == "T109"
    assert not found[3]().cached


def test_a_candidate_that_cannot_be_packaged_is_named(tested):
    check = checks_of(tested({**MEAN, "own": il.Candidate(Broken("zeros"))}))["own"]
    assert not check.opens
    assert check.evidence["code"].startswith("T15")


def test_a_candidate_that_learns_nothing_fails_after_more_rows(tested):
    deaf = il.Candidate(HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=100_000))
    slow = il.Candidate(HistGradientBoostingRegressor(max_iter=50, min_samples_leaf=400))
    found = tested({**MEAN, "deaf": deaf, "slow": slow})
    checks = checks_of(found)
    train = len(found[2].split.train)
    assert ROWS < train < MORE_ROWS
    assert (checks["deaf"].opens, checks["deaf"].n) == (False, train)
    assert checks["deaf"].reason.startswith("on the rows it has learned from its mae is ")
    assert (checks["slow"].opens, checks["slow"].n) == (True, train)


def test_a_candidate_that_is_another_each_time_fails(tested, monkeypatch):
    drawn = iter(range(1, 99))
    fit = LinearRegression.fit

    def restless(self, X, y, sample_weight=None):
        fit(self, X, y + next(drawn))
        return self

    monkeypatch.setattr(LinearRegression, "fit", restless)
    check = checks_of(tested({**MEAN, "linear": il.Candidate(LinearRegression())}))["linear"]
    assert not check.opens
    assert check.evidence["code"] == "T143"


def test_post_processing_that_fails_is_found_before_training(tested):
    check = checks_of(tested({**MEAN, "ridge": il.Candidate(Ridge())}, postprocess=[no_more]))
    assert check["ridge"].evidence["code"] == "T120"
    assert "no_more cannot post-process what the model answers: ValueError: more" in (
        check["ridge"].reason
    )


def test_classes_have_rows_of_every_class(tested):
    prior = {"prior": il.Baseline(il.ClassPrior())}
    found = tested(
        {**prior, "boosting": il.Candidate(HistGradientBoostingClassifier(max_iter=10))},
        target=il.Multiclass("size"),
    )
    assert found[0].opens, found[0].to_row()
    data = found[2]
    chosen = chosen_rows(data, ROWS)
    rare = np.bincount(data.y[data.split.train]).min()
    assert np.bincount(data.y[chosen]).min() == min(rare, 20)
    assert set(chosen) <= set(data.split.train)
    assert (np.diff(chosen) > 0).all()


def test_yes_and_no_with_calibration_declared(tested):
    prior = {"prior": il.Baseline(il.ClassPrior())}
    logistic = il.Candidate(LogisticRegression(), calibrate="sigmoid")
    found = tested({**prior, "logistic": logistic}, target=il.Binary("dear"))
    assert found[0].opens, found[0].to_row()


def test_the_same_rows_are_chosen_each_time(tested):
    data = tested({**MEAN, "ridge": il.Candidate(Ridge())})[2]
    chosen = chosen_rows(data, ROWS)
    assert len(chosen) == ROWS
    assert chosen.tolist() == chosen_rows(data, ROWS).tolist()
    assert set(chosen) <= set(data.split.train)
    assert chosen[-1] == data.split.train[-1]
