"""The rows that a release explains its answers against: few, spread, of the test part."""

import json
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import interlock as il
from interlock.errors import AuthorError
from interlock.pipeline.building.background import SCORED, background, chosen, how_many
from interlock.pipeline.rows.examples import load_examples, make_examples
from interlock.pipeline.rows.snapshots import take_snapshots
from interlock.pipeline.training import training
from interlock.store.arrays import array_from_bytes


@given(n=st.integers(1, 300), n_inputs=st.integers(1, 400))
def test_there_are_as_many_as_an_explanation_may_cost(n, n_inputs):
    found = how_many(n_inputs, n)
    assert 1 <= found <= min(n, 32)
    assert found == n or found * (n_inputs - 1) <= max(SCORED, 8 * (n_inputs - 1))


@given(
    values=st.lists(st.floats(-9, 9), min_size=1, max_size=80),
    n=st.integers(1, 32),
    seed=st.integers(0, 99),
)
def test_one_is_taken_of_each_equal_part_by_prediction(values, n, seed):
    prediction = np.array(values)
    n = min(n, len(prediction))
    places = chosen(prediction, n, seed=seed)
    assert len(set(places.tolist())) == n
    assert (np.diff(prediction[places]) >= 0).all(), "neighbours are alike"
    assert (chosen(prediction, n, seed=seed) == places).all()


def test_their_mean_prediction_is_that_of_all_rows():
    prediction = np.exp(np.random.default_rng(0).normal(11, 0.5, 2_000))
    found = [prediction[chosen(prediction, 20, seed=s)].mean() for s in range(50)]
    at_random = prediction.std() / np.sqrt(20)
    assert np.std(found) < 0.5 * at_random


def test_of_classes_it_is_the_probability_of_the_last_that_is_spread():
    odds = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    assert chosen(odds, 3, seed=0).tolist() == [0, 2, 1]


def test_they_are_test_rows_as_the_model_takes_them(bench):
    bench.write(
        sale_id=list(range(60)),
        sold_on=[date(1997, 1, 1)] * 60,
        built=[1900 + i for i in range(60)],
        zone=["north", "south"] * 30,
        wall=["brick"] * 60,
        price=[10_000 + 700 * i for i in range(60)],
    )
    context = bench.context(split=il.HashSplit(tune=0.2, calibrate=0.2, test=0.4))
    examples = make_examples(context, take_snapshots(context))
    output = training.train(context, examples, "root").output
    row = output["candidates"][output["winner"]]
    rows = load_examples(context, examples.output)
    columns = json.loads(background(context, rows, output, row))["columns"]
    test = array_from_bytes(context.artifacts.get(output["rows"]["test"]))
    assert set(columns) == {"built", "zone"}
    assert sorted(columns["built"]) == sorted(rows.column("built")[test].tolist())
    assert set(columns["zone"]) <= {"north", "south"}


def test_only_true_and_false_can_be_declared(bench):
    assert bench.context(explanations=False).bound.product.explanations is False
    with pytest.raises(AuthorError) as mistaken:
        bench.context(explanations="no")
    assert mistaken.value.code == "C175"
    assert "explanations=…" in str(mistaken.value)
