from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from interlock.digest import digest_json, seed_from
from interlock.train import fit
from interlock.train.answer import answer
from interlock.train.candidate import (
    Baseline,
    Candidate,
    ClassPrior,
    GroupClassPrior,
    GroupMedian,
    Median,
)
from interlock.train.distribution import float_range, int_range
from interlock.train.fit import fit_all
from interlock.train.fitted import FailedFit, Fitted
from interlock.train.trial import Objective

TEST = "test"
LOSS = Objective(measure=lambda y, p: float(np.mean(np.abs(np.log(p / y)))), better="lower")
FRAME_STEPS = ColumnTransformer(
    [
        ("texts", OneHotEncoder(handle_unknown="ignore"), ["street", "stories"]),
        ("numbers", SimpleImputer(), ["area", "rooms"]),
    ],
    sparse_threshold=0,
)


def fitted(candidates, data, *, cores=1, **options):
    return fit_all(
        candidates, data, seeds=lambda name: seed_from("t", name), cores=cores, **options
    )


def one(declared, data, **options):
    return fitted({"it": declared}, data, **options)["it"]


def loss_on(part, result, data):
    rows = data.part(part)
    return LOSS.measure(rows.y, answer(result.raw(rows.columns), result.spec).prediction)


REGRESSIONS = {
    "street": Baseline(GroupMedian("street")),
    "ridge": Candidate(Ridge(), target="log"),
    "near": Candidate(KNeighborsRegressor(), target="log1p"),
    "boosting": Candidate(
        HistGradientBoostingRegressor(early_stopping=True, max_iter=10, max_leaf_nodes=7),
        target="log",
    ),
    "lightgbm": Candidate(
        LGBMRegressor(n_estimators=60, early_stopping_round=5, subsample=0.7, subsample_freq=1),
        target="log",
    ),
    "forest": Candidate(RandomForestRegressor(n_estimators=20), target="log"),
    "searched": Candidate(
        HistGradientBoostingRegressor(max_iter=8, max_leaf_nodes=7),
        target="log",
        search={"max_leaf_nodes": int_range(3, 9), "learning_rate": float_range(0.05, 0.5)},
        trials=3,
    ),
    "pipeline": Candidate(make_pipeline(FRAME_STEPS, Ridge()), target="log"),
}


@pytest.mark.parametrize("large", [False, True])
def test_the_number_of_cores_changes_no_prediction_not_in_one_bit(market, monkeypatch, large):
    data = market(weights=True)
    alone = fitted(REGRESSIONS, data, cores=1, objective=LOSS)
    if large:
        monkeypatch.setattr(fit, "THREADS_PAY", 0)
    beside = fitted(REGRESSIONS, data, cores=2, objective=LOSS)
    assert list(alone) == list(beside) == list(REGRESSIONS)
    columns = data.part(TEST).columns
    for name in REGRESSIONS:
        assert isinstance(alone[name], Fitted), alone[name]
        assert alone[name].raw(columns).tobytes() == beside[name].raw(columns).tobytes(), name
        assert digest_json(alone[name].params) == digest_json(beside[name].params)
        assert alone[name].trials == beside[name].trials


def test_candidates_beat_the_baseline_where_there_is_something_to_learn(market):
    data = market()
    results = fitted(REGRESSIONS, data, objective=LOSS)
    losses = {name: loss_on(TEST, result, data) for name, result in results.items()}
    assert all(losses[name] < 0.8 * losses["street"] for name in REGRESSIONS if name != "street")
    assert [results[name].is_baseline for name in ("street", "ridge")] == [True, False]


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_classes_are_answered_with_probabilities(market, task):
    data = market(task=task)
    results = fitted(
        {
            "prior": Baseline(ClassPrior()),
            "street": Baseline(GroupClassPrior("street")),
            "logistic": Candidate(LogisticRegression(max_iter=500)),
            "boosting": Candidate(HistGradientBoostingClassifier(max_iter=20)),
            "lightgbm": Candidate(LGBMClassifier(n_estimators=20)),
        },
        data,
    )
    rows = data.part(TEST)
    hits = {}
    for name, result in results.items():
        assert isinstance(result, Fitted), result
        found = answer(result.raw(rows.columns), result.spec)
        assert found.probabilities.shape == (len(rows), len(data.classes))
        hits[name] = (found.value == rows.y).mean()
    assert min(hits["logistic"], hits["boosting"], hits["lightgbm"]) > 0.15 + hits["prior"]


@pytest.mark.parametrize("error", [RuntimeError("out of cheese"), SystemExit(0)])
def test_one_that_fails_does_not_sink_the_others(market, error):
    class Broken(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            raise error

        def predict(self, X):
            return np.zeros(len(X))

    events = []
    results = fitted(
        {"broken": Candidate(Broken()), "class": Candidate(Ridge), "median": Baseline(Median())},
        market(),
        on_progress=events.append,
    )
    assert str(results["broken"].mistakes[0]) == (
        "error[T109]: a candidate could not be fitted\n"
        "  where: candidate 'broken'\n"
        f"  got: {type(error).__name__}: {error}\n"
        "  fix: read the estimator's own message; `interlock explain T109` names usual causes"
    )
    assert results["class"].mistakes[0].code == "T101"
    assert isinstance(results["median"], Fitted)
    assert [(event.name, event.state) for event in events] == [
        ("broken", "started"),
        ("broken", "failed"),
        ("class", "started"),
        ("class", "failed"),
        ("median", "started"),
        ("median", "finished"),
    ]
    assert [event.seconds is None for event in events] == [True, False] * 3


def test_the_authors_estimator_is_never_changed_and_gets_the_seed(market):
    estimator = HistGradientBoostingRegressor(max_iter=3)
    before = estimator.get_params()
    result = one(Candidate(estimator), market())
    assert estimator.get_params() == before
    assert not hasattr(estimator, "_predictors")
    assert result.params["params"]["random_state"] == seed_from("t", "it")
    assert (
        one(Candidate(HistGradientBoostingRegressor(max_iter=3, random_state=5)), market()).params[
            "params"
        ]["random_state"]
        == 5
    )


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    "estimator",
    [
        HistGradientBoostingRegressor(early_stopping=True, max_iter=500, n_iter_no_change=3),
        LGBMRegressor(n_estimators=500, early_stopping_rounds=3),
    ],
)
def test_early_stopping_watches_the_tune_rows(market, estimator, wrapped):
    data = market()
    declared = Candidate(make_pipeline(FRAME_STEPS, estimator) if wrapped else estimator)
    last = one(declared, data).estimator
    last = last[-1] if wrapped else last
    rounds = getattr(last, "n_iter_", None)
    assert rounds < 400
    # other tune rows stop it elsewhere, other calibrate rows do not
    scrambled = data.y.copy()
    scrambled[data.split.tune] = scrambled[data.split.tune][::-1]
    other = one(declared, replace(data, y=scrambled)).estimator
    assert (other[-1] if wrapped else other).n_iter_ != rounds
    scrambled = data.y.copy()
    scrambled[data.split.calibrate] = 1.0
    same = one(declared, replace(data, y=scrambled)).estimator
    assert (same[-1] if wrapped else same).n_iter_ == rounds


def test_without_tune_rows_a_note_says_how_early_stopping_was_done(market):
    data = market()
    data = replace(data, split=replace(data.split, tune=np.empty(0, dtype=np.int64)))
    result = one(Candidate(HistGradientBoostingRegressor(early_stopping=True)), data)
    assert result.notes == (
        "no tune rows: early stopping set aside a random part of the train rows",
    )


def test_codes_of_categories_are_told_to_the_boosters(market):
    data = market()
    result = one(Candidate(HistGradientBoostingRegressor(max_iter=3, max_bins=16)), data)
    assert result.estimator.is_categorical_.tolist() == [False, False, True, True]
    assert len(result.encoder.parts[2].vocabulary) == 15
    booster = one(Candidate(LGBMRegressor(n_estimators=3)), data).estimator
    assert "[categorical_feature: 2,3]" in booster.booster_.model_to_string()
    # scikit-learn's own encoding of the codes changes nothing: they are 0…k-1 already
    own = result.estimator._preprocessor.named_transformers_["encoder"].categories_
    assert all((np.isnan(c) | (c == np.arange(len(c)))).all() for c in own)


def test_weights_are_used_where_they_can_be(market):
    data = market(weights=True)
    plain = replace(data, weights=None)
    columns = data.part(TEST).columns
    for estimator in (Ridge(), HistGradientBoostingRegressor(max_iter=5)):
        candidate = Candidate(estimator)
        with_weights, without = one(candidate, data), one(candidate, plain)
        assert (with_weights.raw(columns) != without.raw(columns)).any()
        assert with_weights.notes == ()
    note = "KNeighborsRegressor takes no sample weights: fitted without"
    assert one(Candidate(KNeighborsRegressor()), data).notes == (note,)


def test_a_search_is_scored_on_the_tune_rows_and_the_best_is_kept(market):
    data = market()
    result = one(REGRESSIONS["searched"], data, objective=LOSS)
    assert len(result.trials) == 3
    best = min(result.trials, key=lambda trial: trial.score)
    assert loss_on("tune", result, data) == best.score
    for name, value in best.params.items():
        assert result.params["params"][name] == value
    json.dumps([trial.to_row() for trial in result.trials])
    failed = one(REGRESSIONS["searched"], data)
    assert (failed.mistakes[0].code, failed.mistakes[0].got) == ("T111", "180 tune rows, no metric")


def test_a_target_without_logarithm_is_refused(market):
    data = market()
    y = data.y.copy()
    y[[3, 5]] = 0.0
    result = one(Candidate(Ridge(), target="log"), replace(data, y=y))
    assert str(result.mistakes[0]) == (
        "error[T107]: the target has values whose log is not a finite number\n"
        "  where: candidate 'it'\n"
        "  expected: values above 0\n"
        "  got: 2 of 720 rows, the first 0\n"
        "  fix: bound the target's column, for example il.Int(ge=1), or drop target=…"
    )
    assert isinstance(one(Candidate(Ridge(), target="log1p"), replace(data, y=y)), Fitted)


def test_a_class_without_training_rows_is_refused(market):
    data = market(task="multiclass")
    y = data.y.copy()
    y[data.split.train] %= 2
    result = one(Candidate(LogisticRegression(max_iter=500)), replace(data, y=y))
    assert isinstance(result, FailedFit)
    assert (result.mistakes[0].code, result.mistakes[0].got) == ("T108", "none of 'dear'")


def test_no_training_rows_are_refused(market):
    data = market()
    data = replace(data, split=replace(data.split, train=np.empty(0, dtype=np.int64)))
    results = fitted({"median": Baseline(Median()), "ridge": Candidate(Ridge())}, data)
    assert {result.mistakes[0].code for result in results.values()} == {"T110"}
    assert results["ridge"].mistakes[0].got == "train: 0, tune: 180, calibrate: 120, test: 180"


def test_every_error_of_training_is_explained():
    import re
    from importlib.resources import files

    source = files("interlock") / "train"
    used = set()
    for module in source.iterdir():
        if module.name.endswith(".py"):
            used |= set(re.findall(r'"(T\d\d\d)"', module.read_text()))
    assert used >= {"T101", "T112"}
    for code in used:
        page = (files("interlock") / "explain" / f"{code}.md").read_text()
        assert page.startswith("# ")
        assert 3 <= len(page.splitlines()) <= 14
