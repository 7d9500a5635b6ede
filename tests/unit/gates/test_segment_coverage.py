"""Segment coverage as a check: what it asks for, and how much may be left out."""

import math
from dataclasses import replace

import pytest

import interlock as il
from interlock.clock import DAY
from interlock.errors import AuthorError
from interlock.gates.data.coverage import SegmentCoverage
from interlock.gates.gate import run
from interlock.release.segments import Axis
from interlock.verdict import Verdict


@il.feature
def zone(easting_m: float) -> str:
    return f"{easting_m // 2_000:.0f}"


def asked(measurement, uncovered, rows=1_000, **changes):
    check = SegmentCoverage("zone", **changes)
    (count,) = measurement.coverage.values()
    count = replace(count, uncovered=uncovered, rows=rows)
    (found,) = run("data gate", [check], replace(measurement, coverage={check.key: count})).checks
    return found


def test_few_requests_left_out_pass(sound_data):
    found = asked(sound_data, 40)
    assert found.verdict is Verdict.PASSED
    assert found.name == "segment coverage by zone"
    assert found.measured == 0.04
    assert found.evidence == {
        "segments": 12,
        "covered": 10,
        "not_covered": {"zone b: 3 rows of training, 30 needed": 40},
    }


def test_many_requests_left_out_fail_and_between_the_rows_cannot_tell(sound_data):
    found = asked(sound_data, 300)
    assert (found.verdict, found.evidence["code"]) == (Verdict.FAILED, "D170")
    assert found.reason == "measured 30 %, 95 % interval 27.24 % to 32.91 %, must be ≤ 20 %"
    assert asked(sound_data, 195).verdict is Verdict.INCONCLUSIVE
    assert asked(sound_data, 195, max_uncovered=0.3).verdict is Verdict.PASSED


def test_few_test_rows_cannot_tell(sound_data):
    found = asked(sound_data, 0, rows=60)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reason == "60 rows are too few to judge by; at least 100 are needed"


def test_it_knows_its_segments():
    check = SegmentCoverage(
        (zone, "area"), min_rows=9, within="30d", min_test=2, edges={"area": [0, 10, math.inf]}
    )
    found = check.segments({"zone": "str", "area": "float", "more": "int"})
    assert found.by == (
        Axis(name="zone", kind="str"),
        Axis(name="area", kind="float", edges=(0.0, 10.0, math.inf)),
    )
    assert (found.min_rows, found.min_test, found.within) == (9, 2, 30 * DAY)
    assert check.to_row() == {
        "check": "SegmentCoverage",
        "by": ["zone", "area"],
        "min_rows": 9,
        "within": 30 * DAY,
        "min_test": 2,
        "max_uncovered": 0.2,
        "edges": {"area": [0.0, 10.0, None]},
    }
    assert SegmentCoverage(zone).key == SegmentCoverage("zone").key
    assert SegmentCoverage("area", edges=[0, 10]).edges_by_name == {"area": (0.0, 10.0)}


@pytest.mark.parametrize(
    "arguments",
    [
        {"min_rows": 0},
        {"min_rows": math.nan},
        {"min_test": -1},
        {"max_uncovered": 1.1},
        {"max_uncovered": 1},
        {"max_uncovered": True},
        {"within": "0s"},
        {"edges": [1]},
        {"edges": [2, 1]},
        {"edges": [1, 1]},
        {"edges": [0, math.inf, math.inf]},
        {"edges": [0, math.nan, 3]},
    ],
)
def test_a_declaration_that_cannot_be_used_is_refused(arguments):
    with pytest.raises(AuthorError) as caught:
        SegmentCoverage("zone", **arguments).validate()
    assert caught.value.code == "D150"
