from __future__ import annotations

import numpy as np
import pytest
from lightgbm import LGBMRegressor
from sklearn.base import clone
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from xgboost import XGBRegressor

from interlock.digest import digest_json, seed_from
from interlock.train.candidate import Candidate
from interlock.train.distribution import int_range
from interlock.train.fit import fit_all
from interlock.train.fitted import Fitted
from interlock.train.quantiles import WithQuantiles
from interlock.train.raw import link_of, raw_scores
from interlock.train.trial import Objective

PAIR = (0.1, 0.9)
LOSS = Objective(measure=lambda y, p: float(np.mean(np.abs(np.log(p / y)))), better="lower")
FAMILIES = [
    HistGradientBoostingRegressor(max_iter=30),
    GradientBoostingRegressor(n_estimators=30),
    LGBMRegressor(n_estimators=30),
    XGBRegressor(n_estimators=30),
]


def _fit(declared, data):
    found = fit_all(
        {"it": declared}, data, seeds=lambda name: seed_from("t", name), cores=1, objective=LOSS
    )["it"]
    assert isinstance(found, Fitted), found
    return found


@pytest.mark.parametrize("estimator", FAMILIES, ids=lambda e: type(e).__name__)
def test_two_of_its_kind_are_fitted_beside_it(market, estimator):
    data = market()
    found = _fit(Candidate(estimator, target="log", quantiles=PAIR), data)
    assert isinstance(found.estimator, WithQuantiles)
    assert [type(part) for part in found.estimator.parts] == [type(estimator)] * 3
    raw = found.raw(data.part("test").columns)
    assert raw.shape == (len(data.split.test), 3)
    y = np.log(data.part("test").y)
    assert 0.02 < (y < raw[:, 1]).mean() < 0.25
    assert 0.02 < (y > raw[:, 2]).mean() < 0.25
    alone = _fit(Candidate(estimator, target="log"), data)
    assert (alone.raw(data.part("test").columns)[:, 0] == raw[:, 0]).all()
    assert link_of(found.estimator) == link_of(alone.estimator)


def test_the_same_seed_gives_the_same_quantiles(market):
    data = market()
    declared = Candidate(HistGradientBoostingRegressor(max_iter=20), quantiles=PAIR)
    first, again = (_fit(declared, data).raw(data.part("test").columns) for _ in range(2))
    assert first.tobytes() == again.tobytes()


def test_a_search_gives_its_quantiles_the_best_settings(market):
    data = market()
    search = {"max_leaf_nodes": int_range(3, 15)}
    declared = Candidate(
        HistGradientBoostingRegressor(max_iter=10),
        target="log",
        quantiles=PAIR,
        search=search,
        trials=3,
    )
    found = _fit(declared, data)
    assert len(found.trials) == 3
    leaves = {part.get_params()["max_leaf_nodes"] for part in found.estimator.parts}
    assert len(leaves) == 1
    assert [part.loss for part in found.estimator.parts] == ["squared_error", *["quantile"] * 2]


def test_weights_reach_the_quantiles(market):
    data = market(weights=True)
    heavy = _fit(Candidate(HistGradientBoostingRegressor(max_iter=20), quantiles=PAIR), data)
    plain = _fit(Candidate(HistGradientBoostingRegressor(max_iter=20), quantiles=PAIR), market())
    columns = data.part("test").columns
    assert (heavy.raw(columns)[:, 2] != plain.raw(columns)[:, 2]).any()


@pytest.mark.parametrize(
    ("declared", "task", "got"),
    [
        (
            Candidate(Ridge(), quantiles=PAIR),
            "regression",
            "Ridge has no quantile loss that is known here",
        ),
        (
            Candidate(make_pipeline(clone(FAMILIES[0])), quantiles=PAIR),
            "regression",
            "Pipeline has no quantile loss that is known here",
        ),
        (
            Candidate(FAMILIES[0], quantiles=(0.9, 0.1)),
            "regression",
            "(0.9, 0.1): the lower must come first",
        ),
        (
            Candidate(FAMILIES[0], quantiles=(0.0, 0.9)),
            "regression",
            "(0.0, 0.9) does not lie between 0 and 1",
        ),
        (Candidate(FAMILIES[0], quantiles=0.8), "regression", "0.8 is no pair of quantiles"),
        (Candidate(FAMILIES[0], quantiles=True), "regression", "True is no pair of quantiles"),
    ],
)
def test_what_is_declared_wrongly(declared, task, got):
    (found,) = declared.mistakes("it", task)
    assert (found.code, found.got) == ("T116", got)


def test_a_declaration_without_quantiles_is_written_as_before():
    assert "quantiles" not in Candidate(FAMILIES[0]).to_row()
    assert Candidate(FAMILIES[0], quantiles=PAIR).to_row()["quantiles"] == [0.1, 0.9]
    assert digest_json(Candidate(FAMILIES[0], quantiles=PAIR).to_row())


def test_raw_scores_stand_side_by_side():
    X = np.arange(40.0).reshape(-1, 1)
    parts = [clone(FAMILIES[0]).fit(X, X[:, 0] + shift) for shift in (0, -1, 1)]
    found = raw_scores(WithQuantiles(*parts), X)
    assert (found == np.column_stack([part.predict(X) for part in parts])).all()
