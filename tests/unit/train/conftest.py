"""A small housing market, known to the last coefficient but for its noise."""

from __future__ import annotations

import numpy as np
import pytest

from interlock.features.definition import Input
from interlock.train.split import Split
from interlock.train.training_data import TrainingData

INPUTS = (
    Input(name="area", kind="float"),
    Input(name="rooms", kind="int"),
    Input(name="street", kind="str"),
    Input(name="stories", kind="category", categories=("one", "two", "three")),
)


def market(n=1_200, *, task="regression", weights=False, seed=0):
    rng = np.random.default_rng(seed)
    area = rng.normal(100, 25, n)
    area[rng.random(n) < 0.05] = np.nan
    street = [None if r < 0.02 else f"s{int(30 * r * r)}" for r in rng.random(n)]
    stories = rng.choice(["one", "two", "three"], n).tolist()
    rooms = rng.integers(1, 9, n).astype(float)
    floors = np.array([("one", "two", "three").index(s) for s in stories])
    log_price = 11 + 0.004 * np.nan_to_num(area, nan=100) + 0.05 * rooms + 0.1 * floors
    log_price += rng.normal(0, 0.1, n)
    y = np.exp(log_price)
    classes = ()
    if task != "regression":
        classes = ("cheap", "dear") if task == "binary" else ("cheap", "fair", "dear")
        cuts = np.quantile(y, np.arange(1, len(classes)) / len(classes))
        y = np.searchsorted(cuts, y)
    a, b, c = int(n * 0.6), int(n * 0.75), int(n * 0.85)
    rows = np.arange(n)
    return TrainingData(
        inputs=INPUTS,
        columns={"area": area, "rooms": rooms, "street": street, "stories": stories},
        y=y,
        task=task,
        classes=classes,
        weights=rng.uniform(0.1, 3, n) if weights else None,
        split=Split(train=rows[:a], tune=rows[a:b], calibrate=rows[b:c], test=rows[c:]),
    )


@pytest.fixture(scope="session", name="market")
def make_market():
    return market
