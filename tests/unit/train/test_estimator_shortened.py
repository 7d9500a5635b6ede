"""Fewer rounds of the same estimator, wherever they are counted."""

from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    StackingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from interlock.train.estimator import shortened


def test_boosters_and_forests_are_shortened_and_the_authors_stays_as_it_was():
    booster = HistGradientBoostingRegressor(max_iter=300, learning_rate=0.1)
    short = shortened(booster, 20)
    assert (short.max_iter, short.learning_rate, booster.max_iter) == (20, 0.1, 300)
    assert shortened(RandomForestRegressor(n_estimators=500), 20).n_estimators == 20


def test_those_inside_another_are_shortened():
    inner = HistGradientBoostingRegressor(max_iter=300)
    piped = shortened(make_pipeline(inner), 20)
    assert piped[-1].max_iter == 20
    stack = StackingRegressor([("forest", RandomForestRegressor(100))], final_estimator=inner)
    short = shortened(stack, 20)
    assert short.get_params()["forest__n_estimators"] == 20
    assert short.final_estimator.max_iter == 20


def test_what_has_no_more_rounds_is_left():
    assert shortened(Ridge(), 20) is None
    assert shortened(LogisticRegression(max_iter=200), 20) is None  # iterations to converge
    assert shortened(HistGradientBoostingRegressor(max_iter=20), 20) is None
