"""The champion on today's test rows: its own code, as of each row, on rows it has not seen."""

import json
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import Ridge

from interlock.clock import DAY, instant_of
from interlock.data.request import Field, RequestSchema
from interlock.data.source import Source
from interlock.data.taking import take
from interlock.digest import canonical_json, digest_bytes
from interlock.features.definition import (
    Aggregate,
    FeatureDefinition,
    FeatureSet,
    HistoryDefinition,
    Input,
)
from interlock.pipeline.judging.champion import score_champion
from interlock.pipeline.judging.champion_score import is_winner, score_winner
from interlock.pipeline.judging.misfit import Today
from interlock.release.bundle import Bundle
from interlock.release.coverage import Coverage
from interlock.release.export.exporter import export
from interlock.release.limits import Limits
from interlock.serve.contract import AnswerContract
from interlock.train.answer import AnswerSpec
from interlock.train.encoder import Encoder

BY_TIME = {"by": "time", "tune": "30d", "calibrate": "30d", "test": "90d"}
UNITS = {"source": "sales", "key": "id", "fields": [["parcel", "int", "parcel_id"]]}
BY_UNIT = {"by": "unit", "tune": 0.1, "calibrate": 0.1, "test": 0.2, "units": UNITS}
START = instant_of(date(1997, 1, 1), zone="UTC")
INSTANTS = START + np.arange(6) * DAY


def candidate(seen_until=START + 2 * DAY, split=BY_TIME):
    return canonical_json({"name": "ridge", "seen_until": seen_until, "split": split})


@pytest.fixture(scope="module")
def files(small_release):
    return small_release.bundle_files("ridge", **{"candidate.json": candidate()})


@pytest.fixture(scope="module")
def class_files(small_release):
    return small_release.bundle_files("classes", **{"candidate.json": candidate()})


def bundle(files, name="c", **changes):
    manifest = {
        "inputs": {"snapshot": "s", "code": "k"},
        "files": {
            n: {"sha256": digest_bytes(data), "size": len(data)} for n, data in files.items()
        },
    }
    return Bundle(digest=name * 64, directory=None, manifest=manifest, files=files | changes)


def requests(n=6, **changes):
    columns = {
        "valued_on": [date(1997, 1, 1) + timedelta(days=i) for i in range(n)],
        "year_built": [1950 + i for i in range(n)],
        "area": [100.0 + i for i in range(n)],
        "stories": ["one", "two"] * (n // 2),
        "garage": [None] * n,
    }
    return columns | changes


def declared(champion, fields=(), without=(), **changes):
    """Today's declaration as the champion's own, but for what changed."""
    schema = RequestSchema.from_row(champion.json("request.json"))
    answer = AnswerContract.from_row(champion.json("answer.json"))
    changed = {field.name: field for field in fields}
    kept = [changed.pop(f.name, f) for f in schema.fields if f.name not in without]
    named = {
        "schema": RequestSchema(name=schema.name, fields=(*kept, *changed.values())),
        "target": answer.target, "unit": answer.unit, "task": answer.spec.task,
        "classes": answer.spec.classes,
    }  # fmt: skip
    return Today(**(named | changes))


def score(champion, columns, instants=INSTANTS, taken=None, split=BY_TIME, **changes):
    today = declared(champion, **changes)
    return score_champion(champion, columns, instants, taken or {}, today=today, split=split)


def unfit(found):
    """Why the champion was not asked."""
    assert (found.prediction, found.comparable.any(), found.unfit) == (None, False, True)
    return found.reason


def test_only_rows_after_its_last_seen_one_may_be_compared(files):
    found = score(bundle(files), requests())
    assert found.reason == ""
    assert found.prediction.shape == (6,)
    assert np.isfinite(found.prediction).all()
    assert found.comparable.tolist() == [False, False, False, True, True, True]


@pytest.mark.parametrize("estimate", [False, True])
def test_only_rows_that_it_covers_may_be_compared(files, estimate):
    limits = Limits(name="area", ends=(101.0, 104.0), log=False, cutoff=3.5, n=400)
    coverage = Coverage(limits=(limits,), estimate=estimate)
    champion = bundle(
        files,
        **{
            "coverage.json": canonical_json(coverage.to_row()),
            "candidate.json": candidate(seen_until=None),
        },
    )
    found = score(champion, requests())
    assert found.comparable.tolist() == [False, True, True, True, True, False]
    assert found.left_out == {"not covered by it": 2}


def test_a_row_that_its_own_request_refuses_is_not_compared(files):
    """A category that it does not know is a 422 of its service, whatever its model would say."""
    found = score(bundle(files), requests(stories=["one", "two", "one", "two", "nine", "two"]))
    assert found.comparable.tolist() == [False, False, False, True, False, True]
    assert found.left_out == {"refused by it": 1}
    assert np.isnan(found.prediction)[4]


def test_a_champion_that_saw_no_time_may_be_compared_everywhere(files):
    champion = bundle(files, **{"candidate.json": candidate(seen_until=None)})
    assert score(champion, requests()).comparable.all()


@pytest.mark.parametrize(
    ("split", "why"),
    [
        (BY_UNIT, ""),
        (BY_UNIT | {"test": 0.3}, "its rows were split into other shares"),
        (BY_UNIT | {"units": UNITS | {"fields": []}}, "its rows were split by other units"),
        (BY_UNIT | {"units": UNITS | {"source": "rents"}}, "its rows were split by other units"),
        (
            BY_UNIT | {"units": UNITS | {"fields": [["parcel", "str", "parcel_id"]]}},
            "its rows were split by other units",
        ),
        (BY_TIME, "its rows were split by unit, today's by time"),
    ],
)
def test_rows_split_by_unit_are_comparable_only_under_the_same_split(files, split, why):
    champion = bundle(files, **{"candidate.json": candidate(split=BY_UNIT)})
    found = score(champion, requests(), split=split)
    assert found.prediction is not None
    assert found.comparable.all() == (why == "")
    assert found.comparable.any() == (why == "")
    assert found.reason == (f"{why}, so it may have learned from any test row" if why else "")


def test_a_release_that_did_not_record_its_units_is_not_comparable(files):
    older = {name: value for name, value in BY_UNIT.items() if name != "units"}
    champion = bundle(files, **{"candidate.json": candidate(split=older)})
    assert not score(champion, requests(), split=BY_UNIT).comparable.any()


def test_a_row_that_it_cannot_answer_keeps_its_place(files):
    """The packed feature of this release fails on an area of 13."""
    found = score(bundle(files), requests(area=[100.0, 100.0, 100.0, 13.0, 100.0, 100.0]))
    assert np.isnan(found.prediction).tolist() == [False] * 3 + [True] + [False] * 2
    assert found.comparable.tolist() == [False] * 4 + [True, True]
    assert found.left_out == {"refused by it": 1}
    assert score(bundle(files), requests(area=[13.0] + [100.0] * 5)).left_out == {}  # an old row


def test_a_champion_that_answers_no_row_says_so(files):
    found = score(bundle(files), requests(area=[13.0] * 6))
    assert (found.prediction, found.reason) == (None, "it answered no row")
    assert not found.unfit, "what was declared fits; that it fails is an error"
    assert not found.comparable.any()


def test_probabilities_have_a_column_a_class(class_files):
    found = score(bundle(class_files), requests())
    assert found.prediction.shape == (6, 2)
    np.testing.assert_allclose(found.prediction.values.sum(axis=1), 1.0)
    assert found.prediction.answered.tolist() == found.prediction.values.argmax(axis=1).tolist()


def test_a_champion_answers_by_its_own_decision(class_files):
    contract = json.loads(class_files["answer.json"])
    contract["spec"]["decision"] = {"threshold": 0.0}
    found = score(
        bundle(class_files, **{"answer.json": canonical_json(contract)}),
        requests(),
        classes=(False, True),
    )
    assert found.prediction.answered.tolist() == [1] * 6
    plain = score(bundle(class_files), requests(), classes=(False, True))
    assert (found.prediction.values == plain.prediction.values).all()
    assert plain.prediction.answered.tolist() != [1] * 6


@pytest.mark.parametrize("classes", [("a", "b"), (True, False), (False, True, None), ()])
def test_other_classes_than_todays_do_not_fit(class_files, classes):
    found = score(bundle(class_files), requests(), classes=classes)
    assert unfit(found) == "its classes are not those of today's target"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"target": "rent"}, "it predicts price, today's target is rent"),
        ({"unit": "EUR"}, "it answers in USD, today's target is in EUR"),
        ({"task": "binary"}, "its task is regression, today's is binary"),
    ],
)
def test_another_target_does_not_fit(files, changes, why):
    assert unfit(score(bundle(files), requests(), **changes)) == why


def test_a_unit_that_is_declared_only_now_is_no_other_unit(files):
    assert score(bundle(files), requests(), unit="").reason == ""


def test_fields_that_are_gone(files):
    columns = requests()
    del columns["garage"]
    without = score(bundle(files), columns, without=["garage"])
    assert (without.reason, without.unfit) == ("", False), "it can do without an optional field"
    del columns["area"], columns["stories"]
    found = score(bundle(files), columns, without=["garage", "area", "stories"])
    assert unfit(found) == "its request has fields that are no longer declared: area, stories"


def test_fields_that_are_new_do_not_matter(files):
    plain = score(bundle(files), requests())
    for optional in (True, False):
        new = Field(name="pool", kind="bool", optional=optional)
        more = score(bundle(files), requests(pool=[True] * 6), fields=[new])
        assert (more.reason, more.unfit) == ("", False)
        np.testing.assert_array_equal(plain.prediction, more.prediction)


def field(files, name, **changes):
    schema = RequestSchema.from_row(bundle(files).json("request.json"))
    return replace(schema.field(name), **changes)


@pytest.mark.parametrize(
    ("name", "changes", "why"),
    [
        ("area", {"kind": "str"}, "it reads area as float, which is str now"),
        ("stories", {"kind": "str"}, "it reads stories as category, which is str now"),
        ("year_built", {"kind": "float"}, "it reads year_built as int, which is float now"),
        ("area", {"unit": "ft²"}, "it reads area in unit m², which is in ft² now"),
    ],
)
def test_fields_that_mean_something_else_now(files, name, changes, why):
    found = score(bundle(files), requests(), fields=[field(files, name, **changes)])
    assert unfit(found) == why


def test_values_that_it_can_read_as_its_own_fit(files):
    changed = field(files, "area", kind="int")
    found = score(bundle(files), requests(area=[100, 101, 102, 103, 104, 105]), fields=[changed])
    assert (found.reason, found.comparable.any()) == ("", True)


def test_all_that_does_not_fit_is_said_at_once(files):
    found = score(bundle(files), requests(), without=["stories"], target="rent")
    assert unfit(found) == (
        "it predicts price, today's target is rent; "
        "its request has fields that are no longer declared: stories"
    )


def test_a_bundle_that_cannot_be_loaded_is_a_reason_and_no_crash(files):
    broken = bundle(files, **{"packed/features.py": b"def age(:\n"})
    found = score(broken, requests())
    assert found.prediction is None
    assert found.reason == "error[F110]: the packed source of a release cannot be loaded"
    assert not found.unfit, "errors stay errors"


# -- histories -------------------------------------------------------------------------------------

SALES = HistoryDefinition(
    name="sales_by_zone",
    source="sales",
    entity=(("zone", "str"),),
    refresh=DAY,
    landing=0,
    aggregates=(
        Aggregate(
            name="sold", function="count", column=None, window=90 * DAY, ttl=None, default=0,
            kind="int",
        ),
    ),
    digest="h",
)  # fmt: skip
FEATURES = FeatureSet(
    request=(
        FeatureDefinition(
            name="day",
            arguments=("as_of",),
            nullable_arguments=(),
            kind="int",
            optional=False,
            module="m",
            function="day",
        ),
    ),
    histories=(SALES,),
    inputs=(Input(name="day", kind="int"), Input(name="sold", kind="int")),
)


@pytest.fixture(scope="module")
def timeless():
    """A champion whose request holds no time; it answers 10 × sold + day of the month."""
    sold, day = np.meshgrid(np.arange(10.0), np.arange(1.0, 11.0))
    columns = {"day": day.ravel(), "sold": sold.ravel()}
    encoder = Encoder.fit(FEATURES.inputs, columns, "linear")
    model = Ridge(alpha=1e-9).fit(encoder.transform(columns), 10 * columns["sold"] + columns["day"])
    exported = export(model, encoder, task="regression")
    schema = RequestSchema(name="House", fields=(Field(name="zone", kind="str"),))
    spec = AnswerSpec(task="regression", link=exported.link)
    return {
        "request.json": canonical_json(schema.to_row()),
        "features.json": canonical_json(FEATURES.to_row()),
        "packed/m.py": b"def day(as_of):\n    return as_of.day\n",
        "encoder.json": canonical_json(encoder.to_row()),
        "answer.json": canonical_json(AnswerContract(spec=spec, target="price").to_row()),
        "candidate.json": candidate(seen_until=None),
        exported.file_name: exported.payload,
    }


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    """A sale a day in the north, each known at the end of its day."""
    folder = tmp_path_factory.mktemp("sales")
    table = pa.table(
        {
            "id": list(range(6)),
            "sold_on": [date(1997, 1, 1) + timedelta(days=i) for i in range(6)],
            "zone": ["north"] * 6,
        }
    )
    pq.write_table(table, folder / "sales.parquet")
    source = Source(
        "sales.parquet", key="id", event_time="sold_on", available_after="1d", zone="UTC"
    )
    return {"sales": take(source, as_of=START + 30 * DAY, project_dir=folder)}


def test_features_are_as_of_each_row_also_where_the_request_holds_no_time(timeless, taken):
    found = score(bundle(timeless, "t"), {"zone": ["north"] * 5 + ["south"]}, taken=taken)
    assert found.reason == ""
    wanted = [10 * sold + day for sold, day in zip([0, 1, 2, 3, 4, 0], range(1, 7), strict=True)]
    np.testing.assert_allclose(found.prediction, wanted, rtol=1e-6)


def test_a_source_that_is_no_longer_declared(timeless, taken):
    found = score(bundle(timeless, "t"), {"zone": ["north"] * 6}, taken={"rent": taken["sales"]})
    assert unfit(found) == "it reads sources that are no longer declared: sales"


def test_a_sources_column_that_is_gone(timeless, taken):
    sales = taken["sales"]
    without = replace(sales, revisions=sales.revisions.drop_columns(["zone"]))
    found = score(bundle(timeless, "t"), {"zone": ["north"] * 6}, taken={"sales": without})
    assert unfit(found) == "its history sales_by_zone reads columns that sales no longer has: zone"


def test_a_sources_column_of_another_type(timeless, taken):
    """The champion's zones were numbers."""
    numbered = replace(FEATURES, histories=(replace(SALES, entity=(("zone", "int"),)),))
    changed = {"features.json": canonical_json(numbered.to_row())}
    found = score(bundle(timeless, "u", **changed), {"zone": ["north"] * 6}, taken=taken)
    assert unfit(found).startswith("a column that its histories read is of another type now: ")


# -- a champion that is the winner -----------------------------------------------------------------


def winner(files, **changes):
    row = {
        "file_name": "model.onnx",
        "payload": digest_bytes(files["model.onnx"]),
        "encoder": digest_bytes(files["encoder.json"]),
        "spec": bundle(files).json("answer.json")["spec"],
    }
    return row | changes


def test_the_winner_is_the_champion_when_all_it_is_made_of_is_the_same(files):
    champion = bundle(files)

    def same(snapshot="s", code="k", **changes):
        return is_winner(champion, winner(files, **changes), snapshot=snapshot, code=code)

    assert same()
    assert not same(snapshot="other")
    assert not same(code="other")
    assert not same(payload="0" * 64)
    assert not same(encoder="0" * 64)
    assert not same(file_name="model.skops")
    assert not same(spec={})


def test_the_winners_prediction_stands_for_the_champions(files):
    prediction = np.arange(6.0)
    found = score_winner(bundle(files), prediction, INSTANTS, BY_TIME)
    np.testing.assert_array_equal(found.prediction, prediction)
    assert found.comparable.tolist() == [False, False, False, True, True, True]
