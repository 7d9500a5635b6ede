"""Logged answers against recomputation: what is a defect, what is staleness, what is left out."""

import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.clock import DAY
from interlock.features.definition import (
    Aggregate,
    FeatureDefinition,
    FeatureSet,
    HistoryDefinition,
)
from interlock.features.request import PackedFeatures
from interlock.pipeline.recomputing import recompute_rows, rows_of, same
from interlock.pipeline.symmetry import (
    COVERAGE,
    EDITED,
    HISTORY,
    REQUEST,
    Defect,
    Recomputed,
    Staleness,
    compare,
    sampled,
)
from interlock.release.coverage import Coverage, Covering
from interlock.release.segments import Axis, Segments
from interlock.serve.log.record import Record, read_record, record_bytes

HALF = "def half(size: float) -> float:\n    return size / 2\n"
FIELDS = {"size": "float", "shop": "int", "day": "date"}
LATELY = HistoryDefinition(
    name="lately",
    source="visits",
    entity=(("shop", "int"),),
    refresh=DAY,
    landing=0,
    digest="d",
    aggregates=(
        Aggregate(
            name="n", function="count", column=None, window=2 * DAY, ttl=None, default=None,
            kind="int",
        ),
        Aggregate(
            name="most", function="max", column="amount", window=None, ttl=None, default=None,
            kind="float",
        ),
    ),
)  # fmt: skip
SET = FeatureSet(
    request=(
        FeatureDefinition(
            name="half", arguments=("size",), nullable_arguments=(), kind="float", optional=False,
            module="product", function="half",
        ),
    ),
    histories=(LATELY,),
    inputs=(),
)  # fmt: skip
ROWS = pa.table(
    {
        "shop": [1, 1, 1, 2],
        "amount": [5.0, 7.0, 9.0, 4.0],
        "__event_time": pa.array([DAY, 2 * DAY, 4 * DAY, DAY]),
        "__available_at": pa.array([DAY, 2 * DAY, 4 * DAY, DAY]),
        "__key": pa.array([0, 1, 2, 3]),
    }
)


def packed(source=HALF):
    return PackedFeatures.load(
        {"product": source}, SET, fields=list(FIELDS), name=f"{hash(source)}"
    )


@pytest.fixture
def release():
    return Recomputed(
        features=SET, fields=FIELDS, released=packed(), present=None, rows={"lately": ROWS}
    )


@pytest.fixture
def record():
    """An answer about shop 1 on the evening of day 3, which is as it should be."""
    return Record(
        id="one",
        time=3 * DAY + 1,
        product="visits",
        status=200,
        digest="r",
        entity=(1,),
        request=json.dumps({"size": 5.0, "shop": 1, "day": "1970-01-04"}).encode(),
        features={"half": 2.5, "n": 2, "most": 7.0},
        grid={"lately": 3 * DAY},
    )


def test_what_is_right_has_no_defect(record, release):
    found = compare([record], {"r": release})
    assert (found.rows, found.values) == (1, 3)
    assert (found.defects, found.stale, found.left_out) == ((), (), {})


def test_a_history_value_that_differs_at_its_own_grid_point_is_a_defect(record, release):
    wrong = replace_features(record, most=8.0)
    (defect,) = compare([wrong], {"r": release}).defects
    assert defect == Defect(
        id="one", feature="most", logged=8.0, expected=7.0, grid=3 * DAY, cause=HISTORY
    )


def test_a_released_function_that_gives_another_value_is_named_before_an_edit(record, release):
    wrong = replace_features(record, half=3.0)
    edited = packed(HALF.replace("/ 2", "/ 4"))
    (defect,) = compare([wrong], {"r": replace(release, present=edited)}).defects
    assert (defect.cause, defect.logged, defect.expected) == (REQUEST, 3.0, 2.5)


def test_a_function_that_was_edited_is_a_defect_of_the_project(record, release):
    edited = packed(HALF.replace("/ 2", "/ 4"))
    (defect,) = compare([record], {"r": replace(release, present=edited)}).defects
    assert (defect.cause, defect.logged, defect.expected, defect.grid) == (EDITED, 2.5, 1.25, None)


def test_a_function_that_fails_by_now_says_so(record, release):
    broken = packed("def half(size: float) -> float:\n    return size / 0\n")
    (defect,) = compare([record], {"r": replace(release, present=broken)}).defects
    assert defect.cause == EDITED
    assert "division by zero" in defect.expected


def covering(fewest):
    """Covers shops with so many rows of training; shop 1 has 40."""
    axis = Axis(name="shop", kind="int")
    counted = Segments(by=(axis,), min_rows=fewest, rows={(1,): (40, 0)})
    coverage = Coverage(segments=(counted,))
    return Covering(coverage, coverage.needs, {}, name=f"covering_{fewest}")


def test_an_answer_that_is_covered_otherwise_than_it_says_is_a_defect(record, release):
    covered = replace(release, covering=covering(30))
    assert compare([record], {"r": covered}).defects == ()
    beyond = replace(release, covering=covering(50))
    (defect,) = compare([record], {"r": beyond}).defects
    why = "shop 1: 40 rows of training, 50 needed"
    assert (defect.cause, defect.feature) == (COVERAGE, "not_covered")
    assert (defect.logged, defect.expected) == ("", why)
    said = msgspec.structs.replace(record, not_covered=why)
    found = compare([said], {"r": beyond})
    assert (found.defects, found.not_covered) == ((), 1)
    (defect,) = compare([said], {"r": covered}).defects
    assert (defect.logged, defect.expected) == (why, "")


def test_a_skipped_refresh_is_staleness_and_says_whether_it_mattered(record, release):
    old = replace_features(record, n=1, most=5.0, grid=2 * DAY)
    found = compare([old], {"r": release})
    assert found.defects == ()
    assert found.stale == (Staleness(id="one", history="lately", late=DAY, values_differ=True),)
    idle = Record(**{**vars_of(old), "id": "two", "time": 40 * DAY, "grid": {"lately": 39 * DAY},
                     "features": {"half": 2.5, "n": 0, "most": 9.0}})  # fmt: skip
    (stale,) = compare([idle], {"r": release}).stale
    assert (stale.late, stale.values_differ) == (DAY, False)


def test_a_request_about_the_past_is_answered_ahead_of_its_grid_point(record, release):
    past = Record(**{**vars_of(record), "as_of": 2 * DAY + 1})
    found = compare([past], {"r": release})
    assert found.defects == ()
    assert [s.late for s in found.stale] == [-DAY]


def test_what_cannot_be_compared_is_left_out_and_counted(record, release):
    custom = replace(LATELY, sql="select 1", name="by_hand")
    both = replace(SET, histories=(custom,))
    ungridded = Record(**{**vars_of(record), "grid": {}})
    found = compare(
        [
            Record(**{**vars_of(record), "digest": "gone"}),
            Record(**{**vars_of(record), "degraded": True}),
            ungridded,
        ],
        {"r": release},
    )
    assert found.rows == 1
    assert found.left_out == {
        "of a release that is not here": 1,
        "degraded: answered with declared defaults": 1,
        "without a grid point": 1,
    }
    by_hand = Record(**{**vars_of(record), "grid": {"by_hand": 3 * DAY}})
    assert compare([by_hand], {"r": replace(release, features=both)}).left_out == {
        "custom SQL, which the oracle cannot recompute": 1
    }
    assert compare([record], {"r": replace(release, rows={})}).left_out == {
        "of a source that is no longer declared": 1
    }


def test_nothing_compared_says_so(release):
    found = compare([], {"r": release})
    assert (found.rows, found.values, found.defects) == (0, 0, ())


@pytest.mark.parametrize("key", [(None,), (10**30,), (77,)])
def test_an_entity_that_no_source_can_hold_has_no_rows(key):
    assert rows_of(ROWS, LATELY, key, (9 * DAY,)) == []


def test_training_rows_are_recomputed_one_by_one():
    examples = pa.table(
        {"t": [3 * DAY, 3 * DAY], "request.shop": [1, 3], "feature.n": [2, 0],
         "feature.most": [7.0, 1.0]}
    )  # fmt: skip
    assert recompute_rows(LATELY, ROWS, examples) == (4, 1)


@pytest.mark.parametrize(
    "value", [date(2026, 11, 21), datetime(2026, 11, 21, 7, 3, 2, 1, UTC), math.nan, -0.0, 2**60]
)
def test_a_value_is_the_same_after_its_way_through_the_log(record, value):
    logged = read_record(record_bytes(replace_features(record, half=value))).features["half"]
    assert same(logged, value)


@given(st.lists(st.tuples(st.text(max_size=5), st.integers()), max_size=50), st.data())
def test_a_sample_is_of_entities_and_the_larger_holds_the_smaller(entities, data):
    records = [answer(i, entity=entity) for i, entity in enumerate(entities * 2)]
    small, large = sorted(data.draw(st.tuples(*[st.floats(0.001, 1)] * 2)))
    few, many = sampled(records, share=small), sampled(records, share=large)
    assert few == sampled(records, share=small)
    assert {r.id for r in few} <= {r.id for r in many}
    chosen = {r.entity for r in few}
    assert [r for r in records if r.entity in chosen] == few
    assert sampled(records, share=1.0) == records


def test_a_sample_is_about_the_share():
    records = [answer(i, entity=(f"shop {i}",)) for i in range(5_000)]
    assert 400 < len(sampled(records, share=0.1)) < 600


def test_without_a_unit_answers_are_sampled_by_their_id():
    records = [answer(i) for i in range(5_000)]
    assert 400 < len(sampled(records, share=0.1)) < 600


def test_keys_keep_their_types_and_refusals_are_no_answers():
    apart = [answer(i, entity=e) for i, e in enumerate([(1, 11), (11, 1), ("1", 11), (True, 11)])]
    chosen = {frozenset(r.id for r in sampled(apart, share=s / 200)) for s in range(1, 201)}
    assert len(chosen) == 5, "four entities, each with a place of its own"
    assert sampled([answer(1, status=422)], share=1) == []


def answer(i, *, status=200, entity=()):
    return Record(id=str(i), time=i, product="p", status=status, entity=entity)


def vars_of(record):
    return {name: getattr(record, name) for name in record.__struct_fields__}


def replace_features(record, grid=None, **features):
    changed = {"features": {**record.features, **features}}
    if grid is not None:
        changed["grid"] = {"lately": grid}
    return Record(**{**vars_of(record), **changed})
