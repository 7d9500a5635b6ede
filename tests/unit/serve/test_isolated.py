"""A native model in a process of its own: the same numbers, and what happens when it fails."""

import os
import signal
import time

import numpy as np
import pytest

from interlock.errors import IntegrityError
from interlock.release.scorers.opening import open_scorer
from interlock.serve.errors import ServiceError
from interlock.serve.isolate import Model
from interlock.serve.isolated import IsolatedScorer, open_isolated


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(1).normal(size=(50, 3))


@pytest.fixture(scope="module")
def payload(rows):
    import skops.io
    from sklearn.neighbors import KNeighborsRegressor

    return skops.io.dumps(KNeighborsRegressor().fit(rows, rows[:, 0]))


def model_of(payload, memory=4 << 30):
    return Model(format="skops", payload=payload, n_columns=3, inputs=(), memory=memory)


def test_the_numbers_are_those_of_the_model_in_process(payload, rows):
    there = open_isolated("skops", payload, n_columns=3)
    here = open_scorer("skops", payload, n_columns=3)
    assert np.array_equal(there.raw(rows), here.raw(rows))
    assert there.raw_one(rows[0].tolist()) == here.raw_one(rows[0].tolist())
    assert there.needs == here.needs


def test_a_booster_gives_its_contributions_too(rows):
    import lightgbm

    data = lightgbm.Dataset(rows, rows[:, 0])
    booster = lightgbm.train({"verbose": -1, "min_data_in_leaf": 5}, data, num_boost_round=3)
    payload = booster.model_to_string().encode()
    there = open_isolated("lightgbm", payload, n_columns=3)
    here = open_scorer("lightgbm", payload, n_columns=3)
    assert np.array_equal(there.contributions(rows), here.contributions(rows))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_one_that_dies_or_hangs_is_refused_and_started_again(payload, rows, number):
    scorer = IsolatedScorer(model_of(payload), seconds=2.0)
    before, pid = scorer.raw(rows), scorer.pid
    os.kill(pid, number)
    with pytest.raises(ServiceError) as caught:
        scorer.raw(rows)
    assert caught.value.code == "S141"
    end = time.monotonic() + 60
    while scorer.pid is None and time.monotonic() < end:
        time.sleep(0.02)
    assert scorer.pid != pid
    assert np.array_equal(scorer.raw(rows), before)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_request_that_the_model_refuses_ends_nothing(payload, rows):
    scorer = IsolatedScorer(model_of(payload))
    pid = scorer.pid
    with pytest.raises(RuntimeError, match="ValueError"):
        scorer.raw(np.full((1, 3), np.nan))
    assert (scorer.pid, scorer.raw(rows).shape) == (pid, (50, 1))


@pytest.mark.parametrize(("content", "memory"), [(b"no model", 4 << 30), (None, 200 << 20)])
def test_what_cannot_be_loaded_is_said(payload, content, memory):
    with pytest.raises(IntegrityError) as caught:
        IsolatedScorer(model_of(payload if content is None else content, memory))
    assert caught.value.code == "S142"
