"""Who teaches, who is judged by, and what is covered: on real snapshots of a small product."""

import json
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

import interlock as il
from interlock.data.request_class import request_schema
from interlock.data.snapshot import table_from
from interlock.gates.data.coverage import SegmentCoverage
from interlock.pipeline.judging.data import judge_data
from interlock.pipeline.rows.dividing import (
    coverage_declared,
    load_coverage,
    load_split,
    split_examples,
    uncovered_rows,
)
from interlock.pipeline.rows.examples import load_examples, make_examples
from interlock.pipeline.rows.snapshots import take_snapshots
from interlock.pipeline.telling.coverage import coordinates, tell_coverage

N = 400
PARTS = {
    "split": il.TimeSplit(tune="40d", calibrate="40d", test="120d")
}  # one row a part has its label too late


@il.outlier
def too_dear(price: float, built: int) -> bool:
    """Dearer than any of its age."""
    return price > 10 * built


@il.outlier
def ancient(built: int) -> str | None:
    return f"built in {built}" if built < 1910 else None


@il.outlier(leave_out_of_test=True)
def gift(wall: str) -> bool:
    return wall == "none"


@pytest.fixture
def divide(bench):
    """Divides the examples of a product declared over N sales, one a day."""

    def divide(changes=None, **parts):
        columns = {
            "sale_id": list(range(N)),
            "sold_on": [date(1996, 1, 1) + timedelta(days=i) for i in range(N)],
            "built": [1950 + i % 40 for i in range(N)],
            "zone": [("north", "south", "west")[i % 3] for i in range(N)],
            "wall": ["brick"] * N,
            "price": [10_000 + 10 * (i % 100) for i in range(N)],
        }
        for name, values in (changes or {}).items():
            for place, value in values.items():
                columns[name][place] = value
        bench.write(**columns)
        context = bench.context(as_of="1997-03-01", **(PARTS | parts))
        snapshots = take_snapshots(context)
        examples = make_examples(context, snapshots)
        outcome = split_examples(context, examples)
        return Divided(context, snapshots, examples, outcome)

    return divide


class Divided:
    def __init__(self, context, snapshots, examples, outcome):
        self.context, self.snapshots, self.examples = context, snapshots, examples
        self.output = outcome.output
        self.split = load_split(context, outcome.output)
        self.coverage = load_coverage(context, outcome.output)
        self.table = load_examples(context, examples.output).table

    def keys(self, part):
        return self.table.column("key").take(getattr(self.split, part)).to_pylist()

    def aside(self):
        found = table_from(self.context.artifacts.get(self.output["put_aside"]))
        return dict(
            zip(found.column("key").to_pylist(), found.column("__reason").to_pylist(), strict=True)
        )


def test_without_limits_all_rows_have_their_part_and_all_is_covered(divide):
    found = divide()
    assert found.output["rows"] == {"train": 199, "tune": 39, "calibrate": 39, "test": 120}
    assert found.coverage is None
    assert found.output["coverage"] is None
    assert found.output["quarantined"] == {}
    assert coverage_declared(found.context) == {}


RARE = {"zone": {5: "east", 250: "east", 300: "east", 301: "isle", 399: "isle"}}


def test_rows_of_thin_segments_teach_and_are_not_judged_by(divide):
    found = divide(RARE, data_gate=[il.SegmentCoverage("zone")])
    assert found.output["rows"] == {"train": 199, "tune": 39, "calibrate": 38, "test": 117}
    assert 5 in found.keys("train")
    assert {250, 300, 301, 399}.isdisjoint(found.keys("tune") + found.keys("test"))
    assert found.output["not_covered"] == {"tune": 0, "calibrate": 1, "test": 3}
    rows, whys = uncovered_rows(found.context, found.output)
    assert found.table.column("key").take(rows).to_pylist() == [300, 301, 399]
    assert whys == [
        "zone east: 1 row of training, 30 needed",
        "zone isle: no row of training, 30 needed",
        "zone isle: no row of training, 30 needed",
    ]
    (segments,) = found.coverage.segments
    assert dict(segments.rows)[("east",)] == (1, 1)
    assert segments.covered == {("north",), ("south",), ("west",)}
    (count,) = found.output["segments"].values()
    assert (count["rows"], count["uncovered"], count["segments"], count["covered"]) == (
        120,
        3,
        5,
        3,
    )
    assert count["reasons"] == {
        "zone isle: no row of training, 30 needed": 2,
        "zone east: 1 row of training, 30 needed": 1,
    }


def test_only_recent_rows_count_within_a_window(divide):
    gone = {"zone": dict.fromkeys(range(150, 200), "north")}
    found = divide(gone, data_gate=[il.SegmentCoverage("zone", within="60d", min_rows=10)])
    (segments,) = found.coverage.segments
    rows = {zone: learned for (zone,), (learned, _) in segments.rows.items()}
    assert rows == {"north": 52, "south": 4, "west": 4}
    assert {zone for (zone,) in segments.covered} == {"north"}


def test_rows_that_weigh_nothing_are_not_counted(divide):
    light = {"built": {}, "price": {}}
    found = divide(light, data_gate=[il.SegmentCoverage("zone")], weight="price")
    assert dict(found.coverage.segments[0].rows)[("north",)] == (67, 40)
    none = {"price": dict.fromkeys(range(0, 200, 3), 0)}
    found = divide(none, data_gate=[il.SegmentCoverage("zone")], weight="price")
    assert dict(found.coverage.segments[0].rows)[("north",)] == (0, 40)


def test_limits_are_fitted_to_training_rows_alone(divide):
    later = {"price": {i: 10_000_000 + i for i in range(200, 400)}}
    found = divide(later, outliers=[il.Outliers("price")])
    same = divide(outliers=[il.Outliers("price")])
    assert found.output["outliers"][0]["limits"] == same.output["outliers"][0]["limits"]
    assert found.output["outliers"][0]["named"] == {
        "train": 0,
        "tune": 39,
        "calibrate": 39,
        "test": 120,
    }


def test_a_rule_that_looks_at_the_target_cleans_training_and_leaves_test_rows(divide):
    odd = {"price": {7: 2_000, 8: 2_000_000, 210: 2_000, 390: 2_000}}
    found = divide(odd, outliers=[il.Outliers("price")])
    assert found.output["rows"] == {"train": 197, "tune": 39, "calibrate": 39, "test": 120}
    assert {7, 8}.isdisjoint(found.keys("train"))
    assert 390 in found.keys("test")
    (reason,) = set(found.aside().values())
    assert reason.startswith("outlier: price is outside ")
    assert set(found.aside()) == {7, 8}
    assert found.output["quarantined"] == {reason: 2}
    assert found.coverage is None  # no request knows its price
    assert found.output["outliers"][0]["named"] == {
        "train": 2,
        "tune": 1,
        "calibrate": 0,
        "test": 1,
    }


def test_it_leaves_test_rows_out_where_the_product_says_they_are_no_true_outcomes(divide):
    odd = {"wall": {7: "none", 390: "none"}}
    found = divide(odd, outliers=[gift])
    assert found.output["rows"] == {"train": 198, "tune": 39, "calibrate": 39, "test": 119}
    assert found.aside() == {7: "outlier: gift", 390: "outlier: gift"}
    assert found.output["not_covered"] == {"tune": 0, "calibrate": 0, "test": 0}


def test_a_rule_of_the_request_is_released_and_its_rows_are_not_covered(divide):
    odd = {"built": {7: 1900, 8: 1905, 390: 1900}}
    found = divide(odd, outliers=[ancient, too_dear])
    assert found.aside() == {
        7: "outlier: ancient: built in 1900",
        8: "outlier: ancient: built in 1905",
        390: "outlier: ancient: built in 1900",
    }
    assert [rule.name for rule in found.coverage.rules] == ["ancient"]
    assert found.output["not_covered"] == {"tune": 0, "calibrate": 0, "test": 1}
    assert uncovered_rows(found.context, found.output)[1] == ["outlier: ancient: built in 1900"]
    assert "def ancient" in json.dumps(dict(found.context.bound.packed))
    assert "def too_dear" not in json.dumps(dict(found.context.bound.packed))
    assert "def too_dear" in json.dumps(dict(found.context.bound.outliers.source))


def test_limits_of_a_field_are_released(divide):
    found = divide({"built": {390: 9_000}}, outliers=[il.Outliers("built", by="zone")])
    (limits,) = found.coverage.limits
    assert sorted(limits.groups) == ["north", "south", "west"]
    ((_,), (why,)) = uncovered_rows(found.context, found.output)
    assert why.startswith("outlier: built 9,000 is outside 1,9")


def test_segments_are_counted_without_outliers(divide):
    odd = {"price": dict.fromkeys(range(0, 150, 3), 2000)}
    found = divide(odd, outliers=[il.Outliers("price")], data_gate=[il.SegmentCoverage("zone")])
    assert dict(found.coverage.segments[0].rows)[("north",)][0] == 67 - 50


def test_the_data_gate_counts_what_was_put_aside(divide):
    odd = {"price": {7: 2_000, 8: 2_000_000}}
    found = divide(
        odd,
        outliers=[il.Outliers("price"), gift],
        data_gate=[il.MinRows(10), SegmentCoverage("zone")],
    )
    result = judge_data(found.context, found.snapshots, found.examples, found.output)
    checks = {check.name: check for check in result.checks}
    assert checks["minimum rows"].measured == 398
    assert checks["quarantined rows"].measured == 2 / 400
    assert checks["segment coverage by zone"].opens
    assert checks["outlier limits of price"].n == 199


def test_limits_that_cannot_be_fitted_shut_the_gate(divide):
    same = {"price": dict.fromkeys(range(N), 10_000)}
    found = divide(same, outliers=[il.Outliers("price")])
    result = judge_data(found.context, found.snapshots, found.examples, found.output)
    (shut,) = [c for c in result.checks if c.name == "outlier limits of price"]
    assert not shut.opens
    assert shut.reason == ("price has no limits: fewer than 30 values in training, or all alike")


def test_each_declared_limit_is_answered_for(divide):
    """Two of one column: that the one was fitted says nothing of the other."""
    declared = [il.Outliers("price"), il.Outliers("price", by="zone"), il.Outliers("price", 9)]
    found = divide({}, outliers=declared)

    def answers(told):
        split = {**found.output, "outliers": told}
        result = judge_data(found.context, found.snapshots, found.examples, split)
        return {c.name: c.opens for c in result.checks if c.name.startswith("outlier limits")}

    told = found.output["outliers"]
    both = {"outlier limits of price": True, "outlier limits of price by zone": True}
    assert answers(told) == both
    assert answers([told[0], {**told[1], "limits": None}, told[2]]) == both | {
        "outlier limits of price by zone": False
    }
    assert answers([*told[:2], {**told[2], "limits": None}]) == both | {
        "outlier limits of price": False
    }


def test_another_declaration_is_another_stage(divide):
    first = divide(data_gate=[il.SegmentCoverage("zone", min_rows=30)])
    again = split_examples(first.context, first.examples)
    assert again.cached
    assert again.output == first.output
    other = divide(data_gate=[il.SegmentCoverage("zone", min_rows=100)])
    assert other.output["not_covered"]["test"] == 120
    told = divide(data_gate=[il.SegmentCoverage("zone", min_rows=100)], not_covered="estimate")
    assert told.coverage.estimate
    assert np.array_equal(told.split.test, other.split.test)
    assert coverage_declared(told.context) != coverage_declared(other.context)


def test_the_report_is_told_what_is_covered(divide):
    odd = {"price": {7: 2_000, 390: 2_000}, "built": {8: 1900}}
    found = divide(
        {**RARE, **odd},
        data_gate=[il.SegmentCoverage("zone")],
        outliers=[il.Outliers("price"), ancient, gift],
    )
    told = tell_coverage(found.context, found.examples, found.output)
    assert (told.tested, told.not_covered, told.estimates) == (120, 3, False)
    (by_zone,) = told.segmentations
    assert (by_zone.name, by_zone.asked) == ("zone", "at least 30 rows of training")
    assert {s.name: (s.learned, s.tested, bool(s.reason)) for s in by_zone.segments} == {
        "zone east": (1, 1, True),
        "zone isle": (0, 2, True),
        "zone north": (67, 38, False),
        "zone south": (65, 39, False),
        "zone west": (64, 40, False),
    }
    assert coordinates(found.context.bound) is None
    assert [(o.name, o.train, o.later, o.live, o.left_out) for o in told.outliers] == [
        ("price", 1, 1, False, False),
        ("ancient", 1, 0, True, False),
        ("gift", 0, 0, False, True),
    ]
    assert told.outliers[0].told.endswith("3.5 robust deviations of 199 rows, on a log scale")
    free = divide()
    assert tell_coverage(free.context, free.examples, free.output) is None


class Place(il.Request):
    valued_on: date = il.asked_at(zone="UTC")
    built: int
    lon: float
    lat: float
    zone: str


class Grid(il.Request):
    valued_on: date = il.asked_at(zone="UTC")
    Northing_m: float
    easting_m: float


@pytest.mark.parametrize(
    ("request_class", "unit", "found"),
    [
        (Place, (), ("lon", "lat")),
        (Place, ("lat", "lon"), ("lat", "lon")),
        (Place, ("built", "lon"), ("lon", "lat")),
        (Grid, (), ("easting_m", "Northing_m")),
    ],
)
def test_a_map_has_the_coordinates_of_the_unit_or_those_of_customary_names(
    request_class, unit, found
):
    schema = request_schema(request_class)
    bound = SimpleNamespace(schema=schema, product=SimpleNamespace(unit_fields=unit))
    assert coordinates(bound) == found
