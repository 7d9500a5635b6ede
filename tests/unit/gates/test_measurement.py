"""What the model gate is asked about is resampled once, whoever asks."""

from collections import Counter
from dataclasses import fields, replace

import numpy as np
import pytest

from interlock.evaluate.compare import difference, estimate
from interlock.evaluate.metrics import metric_named
from interlock.gates.model.measurement import ModelMeasurement, WinnerMeasurement

N = 400


class Counting:
    """A metric that counts how often its statistic is made."""

    def __init__(self, name):
        self.made = Counter()
        known = metric_named(name)

        def statistic(y, predicted):
            self.made[predicted.values[0]] += 1
            return known.statistic(y, predicted)

        self.metric = replace(known, statistic=statistic)


@pytest.fixture
def measurement():
    rng = np.random.default_rng(0)
    y = rng.uniform(100, 200, N)
    good, poor, old = (y + rng.normal(0, spread, N) for spread in (5, 9, 6))
    return ModelMeasurement(
        metric="mae",
        y=y,
        predictions={"good": good, "poor": poor},
        winner="good",
        baselines=("poor",),
        seed=3,
        champion="1.0.0",
        champion_prediction=old,
        champion_rows=np.arange(N) >= 100,
    )


def test_each_model_is_resampled_once(measurement):
    counting = Counting("mae")
    measurement.score(counting.metric)
    measurement.against(counting.metric, "poor")
    measurement.resampled([counting.metric], measurement.predictions)
    assert sorted(counting.made.values()) == [1, 1]
    measurement.against_champion(counting.metric)
    measurement.beside_champion([counting.metric])
    assert sum(counting.made.values()) == 4, "winner and champion on the champion's rows"


def test_what_was_resampled_without_a_champion_counts_beside_one(measurement):
    names = [one.name for one in fields(WinnerMeasurement)]
    alone = WinnerMeasurement(**{name: getattr(measurement, name) for name in names})
    counting = Counting("mae")
    alone.score(counting.metric)
    both = ModelMeasurement.beside(
        alone, champion="1.0.0", champion_prediction=measurement.champion_prediction,
        champion_rows=np.ones(N, dtype=bool),
    )  # fmt: skip
    both.against_champion(counting.metric)
    assert sum(counting.made.values()) == 2, "the winner's once, the champion's once"
    assert both.resamples is alone.resamples


@pytest.mark.parametrize("name", ["mae", "mdape", "rmse"])
def test_what_is_kept_is_what_would_be_found_anew(measurement, name):
    metric, m = metric_named(name), measurement
    good, poor = m.predictions["good"], m.predictions["poor"]
    m.resampled([metric_named("mae"), metric], m.predictions)
    drawn = {"seed": 3, "resamples": m.resamples}
    assert m.score(metric) == estimate(metric, m.y, good, **drawn)
    assert m.against(metric, "poor") == difference(metric, m.y, good, poor, **drawn)
    rows = m.champion_rows
    assert m.against_champion(metric) == difference(
        metric,
        m.y[rows],
        good[rows],
        m.champion_prediction[rows],
        seed=3,
        resamples=m.resamples.within(rows),
    )


def test_a_champion_of_all_rows_is_compared_on_what_is_known_of_the_winner(measurement):
    counting = Counting("mae")
    whole = replace(measurement, champion_rows=np.ones(N, dtype=bool))
    whole.score(counting.metric)
    whole.against_champion(counting.metric)
    assert sorted(counting.made.values()) == [1, 1]


def test_other_rows_are_another_measurement(measurement):
    metric = metric_named("mae")
    before = measurement.score(metric)
    changed = replace(measurement, y=measurement.y + 1)
    assert changed.score(metric).value != before.value
