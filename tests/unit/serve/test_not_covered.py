"""Rows that a release does not cover: the same live, in a list, in batch, in golden answers."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.digest import canonical_json
from interlock.errors import IntegrityError
from interlock.features.definition import FeatureDefinition
from interlock.release.bundle import open_bundle
from interlock.release.coverage import Coverage
from interlock.release.limits import Limits
from interlock.release.segments import Axis, Segments
from interlock.serve.batch.answering import Answering
from interlock.serve.batch.predict import predict_file
from interlock.serve.http.docs_page import docs_page
from interlock.serve.http.schema import openapi, schema_document
from interlock.serve.ids import PredictionIds
from interlock.serve.loaded.golden import read_golden
from interlock.serve.loaded.load import load
from interlock.serve.log.prediction_log import PredictionLog
from interlock.serve.log.read import read_log
from interlock.serve.log.record import read_record
from interlock.serve.predictor import Predictor

COVERAGE = Coverage(
    segments=(
        Segments(
            by=(
                Axis(name="stories", kind="category"),
                Axis(name="area_per_story", kind="float", edges=(0.0, 100.0, 300.0)),
            ),
            min_rows=30,
            rows={
                ("one", 0): (80, 9),
                ("one", 1): (120, 9),
                ("two", 0): (200, 9),
                ("two", 1): (3, 0),
            },
        ),
    ),
    limits=(Limits(name="garage", ends=(1.0, 90.0), log=True, cutoff=3.5, n=400),),
    rules=(
        FeatureDefinition(
            name="ancient",
            arguments=("age", "stories"),
            nullable_arguments=(),
            kind="bool",
            optional=True,
            module="rules",
            function="ancient",
            description="Built before anybody counted.",
        ),
    ),
)
RULES = "def ancient(age, stories):\n    return age > 150\n"


def with_coverage(support, files, coverage=COVERAGE):
    """The release's files with a coverage, and golden answers to match."""
    from interlock.release.bundle import Bundle
    from interlock.serve.loaded.golden import golden_bytes, golden_row
    from interlock.serve.loaded.release import assemble

    changed = files | {
        "coverage.json": canonical_json(coverage.to_row()),
        "packed/rules.py": RULES.encode(),
    }
    release = assemble(
        Bundle(digest="0" * 64, directory=None, manifest=support.MANIFEST, files=changed),
        support.plan_for(None),
    )
    rows = [
        golden_row(release, support.REQUEST | change, as_of=support.CLOCK)
        for change in ({}, {"stories": "two", "area": 250.0}, {"garage": 1_000.0})
    ]
    return changed | {"golden.json": golden_bytes(rows)}


@pytest.fixture(scope="module")
def covered(support, bundle_root, files):
    return support.write_bundle(bundle_root, with_coverage(support, files))


@pytest.fixture(scope="module")
def estimating(support, bundle_root, files):
    told = Coverage(**{**vars(COVERAGE), "estimate": True})
    return support.write_bundle(bundle_root, with_coverage(support, files, told))


@pytest.fixture
def make(tmp_path, support):
    logs = []

    def make(directory):
        log = PredictionLog.open(tmp_path / f"log{len(logs)}", "w0")
        logs.append(log)
        plan = support.plan_for(directory)
        release = load(directory, plan, digest=directory.name, label="1.0.0")
        return Predictor(release, log, plan, PredictionIds(), now=lambda: support.CLOCK)

    yield make
    for log in logs:
        log.close()


@pytest.fixture
def records(tmp_path):
    return lambda: [read_record(r.payload) for r in read_log(tmp_path / "log0")]


def ask(predictor, body):
    status, content = predictor.predict(body)
    assert status == 200
    return json.loads(content)


FEW = "stories two, area_per_story 100 to 300: 3 rows of training, 30 needed"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"stories": "two", "area": 250.0}, FEW),
        ({"area": 1_000.0}, "area_per_story 1,000 is outside 0 to 300"),
        ({"garage": 1_000.0}, "outlier: garage 1,000 is outside 1 to 90"),
        ({"year_built": 1805}, "outlier: ancient: Built before anybody counted."),
    ],
)
def test_what_is_not_covered_gets_the_reason_in_place_of_a_prediction(
    make, covered, request_body, records, change, why
):
    answer = ask(make(covered), request_body(**change))
    assert answer["covered"] is False
    assert answer["not_covered"] == why
    assert answer["prediction"] is None
    assert answer["interval"] is None
    (record,) = records()
    assert (record.status, record.not_covered, record.id) == (200, why, answer["id"])
    assert (record.prediction, record.interval) == (None, None)
    assert record.features["area_per_story"] is not None


def test_what_is_covered_says_so_and_no_more(make, covered, request_body, records):
    answer = ask(make(covered), request_body())
    assert answer["covered"] is True
    assert answer["prediction"] > 0
    assert "not_covered" not in answer
    assert records()[0].not_covered == ""


def test_a_list_has_both_and_the_model_is_asked_about_the_covered_only(
    make, covered, request_body, directory
):
    bodies = [request_body(area=a, stories=s) for a in (50.0, 250.0) for s in ("one", "two")]
    answers = ask(make(covered), b"[" + b",".join(bodies) + b"]")
    plain = ask(make(directory), b"[" + b",".join(bodies) + b"]")
    assert [a["covered"] for a in answers] == [True, True, True, False]
    assert [a["prediction"] for a in answers[:3]] == [a["prediction"] for a in plain[:3]]
    assert answers[3]["prediction"] is None


def test_a_list_of_rows_that_are_not_covered_is_answered(make, covered, request_body):
    body = request_body(garage=1_000.0)
    answers = ask(make(covered), b"[" + body + b"," + body + b"]")
    assert [a["prediction"] for a in answers] == [None, None]


def test_an_estimate_is_given_where_the_product_asks_for_it(
    make, estimating, directory, request_body
):
    body = request_body(stories="two", area=250.0)
    answer = ask(make(estimating), body)
    assert (answer["covered"], answer["not_covered"]) == (False, FEW)
    plain = ask(make(directory), body)
    assert (answer["prediction"], answer["interval"]) == (plain["prediction"], plain["interval"])


def test_classes_get_no_probabilities_either(make, support, bundle_root, class_files, request_body):
    directory = support.write_bundle(bundle_root, with_coverage(support, class_files))
    answer = ask(make(directory), request_body(garage=1_000.0))
    assert answer["prediction"] is None
    assert "probabilities" not in answer


def test_golden_answers_hold_the_coverage(support, covered, bundle_root, files):
    rows = read_golden(open_bundle(covered).read("golden.json"))
    assert [(r.prediction is None, r.not_covered) for r in rows] == [
        (False, ""),
        (True, FEW),
        (True, "outlier: garage 1,000 is outside 1 to 90"),
    ]
    loose = Coverage(segments=(), limits=COVERAGE.limits)
    changed = with_coverage(support, files) | {"coverage.json": canonical_json(loose.to_row())}
    directory = support.write_bundle(bundle_root, changed)
    with pytest.raises(IntegrityError) as caught:
        load(directory, support.plan_for(directory), digest=directory.name)
    assert caught.value.mistakes[0].got == f"row 1: not_covered is '', was {FEW!r}"


def test_a_file_of_rows_says_so_in_columns(tmp_path, support, covered):
    rows = [
        support.REQUEST,
        support.REQUEST | {"stories": "two", "area": 250.0},
        support.REQUEST | {"year_built": 17},
    ]
    columns = {name: [row[name] for row in rows] for name in support.REQUEST}
    columns["garage"] = pa.array(columns["garage"], pa.float64())
    columns["valued_on"] = pa.array(columns["valued_on"]).cast(pa.date32())
    pq.write_table(pa.table(columns), tmp_path / "in.parquet")
    result = predict_file(
        Answering.of(open_bundle(covered)),
        tmp_path / "in.parquet",
        tmp_path / "out.parquet",
        history=lambda *_: {},
        as_of=0,
    )
    out = pq.read_table(tmp_path / "out.parquet").to_pydict()
    assert out["covered"] == [True, False, None]
    assert out["not_covered"] == [None, FEW, None]
    assert out["rejected_reason"] == [None, None, "year_built: must be ≥ 1800"]
    assert [v is None for v in out["prediction"]] == [False, True, True]
    assert [v is None for v in out["interval_low"]] == [False, True, True]
    assert (result.rows, result.answered, result.not_covered, result.rejected) == (3, 1, 1, 1)


requests = st.fixed_dictionaries(
    {
        "year_built": st.integers(1800, 2024),
        "area": st.one_of(st.floats(1.0, 700.0), st.sampled_from([100.0, 200.0, 300.0, 600.0])),
        "stories": st.sampled_from(["one", "two"]),
        "garage": st.one_of(st.none(), st.floats(0.5, 100.0), st.sampled_from([1.0, 90.0])),
    }
)


@pytest.fixture(scope="module")
def both(support, covered, tmp_path_factory):
    plan = support.plan_for(covered)
    log = PredictionLog.open(tmp_path_factory.mktemp("log"), "w0")
    release = load(covered, plan, digest=covered.name)
    live = Predictor(release, log, plan, PredictionIds(), now=lambda: support.CLOCK)
    yield live, Answering.of(open_bundle(covered))
    log.close()


@given(rows=st.lists(requests, min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_live_and_in_batch_a_row_is_covered_or_not_for_the_same_reason(both, support, rows):
    live, batch = both
    whole = [support.REQUEST | row for row in rows]
    answers = ask(live, json.dumps(whole).encode())
    decoded = live.release.decoder.decode(json.dumps(whole).encode()).rows
    columns = dict(zip(live.release.fields, map(list, zip(*decoded, strict=True)), strict=True))
    outcome = batch.answer(columns, [None] * len(rows), as_of=0, history=lambda *_: {})
    assert [a.get("not_covered", "") for a in answers] == list(outcome.not_covered)
    assert [a["covered"] for a in answers] == [not why for why in outcome.not_covered]
    predicted = [None] * len(rows)
    for place, value in zip(
        outcome.places, outcome.answers.value if outcome.answers else (), strict=True
    ):
        predicted[place] = value
    assert [a["prediction"] for a in answers] == predicted
    for row, request in enumerate(rows):
        alone = ask(live, json.dumps(whole[row]).encode())
        assert alone["prediction"] == answers[row]["prediction"]
        assert alone.get("not_covered") == answers[row].get("not_covered")
        far = request["garage"] is not None and not 1.0 <= request["garage"] <= 90.0
        per_story = request["area"] / (1 if request["stories"] == "one" else 2)
        thin = request["stories"] == "two" and per_story >= 100.0
        assert answers[row]["covered"] == (
            not far and not thin and per_story <= 300.0 and 2024 - request["year_built"] <= 150
        )


def test_the_pages_say_what_is_answered_for(support, covered, directory):
    limited = load(covered, support.plan_for(covered), digest=covered.name).contract
    free = load(directory, support.plan_for(directory), digest=directory.name).contract
    assert schema_document(free)["coverage"] == {"of": [], "estimates": False}
    assert schema_document(limited)["coverage"] == {
        "of": [
            "stories × area_per_story: 3 of 4 segments, those with at least 30 rows of training",
            "garage from 1 to 90",
            "no outlier by ancient: Built before anybody counted.",
        ],
        "estimates": False,
    }
    assert "<code>covered</code> is true" in docs_page(free)
    assert "<li>garage from 1 to 90</li>" in docs_page(limited)
    assert "<code>prediction</code> and <code>interval</code> are null" in docs_page(limited)
    answer = openapi(limited)["components"]["schemas"]["Answer"]
    assert answer["properties"]["prediction"]["type"] == ["number", "null"]
    assert "not_covered" in answer["properties"]
    assert "not_covered" not in answer["required"]


def test_a_bundle_without_coverage_covers_everything(both, directory, support):
    release = load(directory, support.plan_for(directory), digest=directory.name)
    assert release.covering is None
    assert Answering.of(open_bundle(directory)).covering is None
