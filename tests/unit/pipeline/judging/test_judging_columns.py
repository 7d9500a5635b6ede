"""What checks cut the test rows by, out of real snapshots."""

from datetime import date

import numpy as np

import interlock as il
from interlock.pipeline.judging.columns import automatic_names, cut_columns, cut_names
from interlock.pipeline.rows.examples import load_examples, make_examples
from interlock.pipeline.rows.snapshots import take_snapshots


@il.feature
def age(valued_on: date, built: int) -> float | None:
    return None if built == 1952 else valued_on.year - built


@il.feature
def old(built: int) -> bool:
    return built < 1955


def _made(bench, **changes):
    context = bench.context(features=[age, old], **changes)
    snapshots = take_snapshots(context)
    return context, snapshots, load_examples(context, make_examples(context, snapshots).output)


def _cut(bench, *names, chosen=(7, 2, 3)):
    context, snapshots, rows = _made(bench)
    found = cut_columns(context, snapshots, rows, np.array(chosen), names)
    return {name: list(values) for name, values in found.items()}


def test_request_fields_features_and_source_columns_in_the_order_of_the_rows(bench):
    bench.write(wall=[f"wall {i}" for i in range(10)], lot=[i / 2 for i in range(10)])
    found = _cut(bench, "zone", "built", "old", "wall", "lot", "sold_on")
    assert found == {
        "zone": ["north", "south", "north"],
        "built": [1957.0, 1952.0, 1953.0],
        "old": [False, True, True],
        "wall": ["wall 7", "wall 2", "wall 3"],
        "lot": [3.5, 1.0, 1.5],
        "sold_on": ["1997-01", "1997-01", "1997-01"],
    }


def test_missing_values_stay_missing(bench):
    bench.write(wall=[None] * 10, lot=[None if i == 2 else 1.0 for i in range(10)])
    found = _cut(bench, "age", "lot", "wall")
    assert np.isnan(found["age"]).tolist() == [False, True, False]
    assert np.isnan(found["lot"]).tolist() == [False, True, False]
    assert np.isnan(found["wall"]).all()


def test_several_keys_find_their_rows(bench):
    bench.write(wall=[f"wall {i}" for i in range(10)])
    source = il.Source(
        "sales.parquet", key=("zone", "sale_id"), event_time="sold_on", available_after="1d"
    )
    context, snapshots, rows = _made(bench, examples=source.map(valued_on="sold_on"))
    found = cut_columns(context, snapshots, rows, np.array([4, 9]), ["wall"])
    assert found == {"wall": ["wall 4", "wall 9"]}


def test_a_name_that_nothing_has_is_left_out(bench):
    assert _cut(bench, "colour") == {}


def test_what_rows_are_cut_by_where_a_check_does_not_say(bench):
    bench.write(zone=["north"] * 10)
    context, _, rows = _made(bench)
    assert automatic_names(context, rows, np.arange(10)) == ("built", "age", "old")


def test_names_are_gathered_from_all_checks():
    checks = [il.Slices(by=["a", "b"]), il.Below("mae", 1.0), il.Slices(by="b"), il.Slices()]
    assert cut_names(checks) == ("a", "b")
