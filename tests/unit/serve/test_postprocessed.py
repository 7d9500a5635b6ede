"""A release with post-processing answers alike live and in columns, and never with a raw value."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.clock import instant_of
from interlock.digest import canonical_json
from interlock.errors import IntegrityError
from interlock.features.definition import FeatureDefinition
from interlock.release.bundle import open_bundle
from interlock.serve.batch.answering import Answering
from interlock.serve.contract import AnswerContract
from interlock.serve.ids import PredictionIds
from interlock.serve.loaded.golden import golden_bytes, read_golden
from interlock.serve.loaded.load import load
from interlock.serve.log.prediction_log import PredictionLog
from interlock.serve.log.read import read_log
from interlock.serve.log.record import read_record
from interlock.serve.predictor import Predictor

AFTER = """
def to_500(prediction: float) -> float:
    return round(prediction / 500) * 500


def with_garage(prediction: float, garage: float | None, area_per_story: float) -> float:
    if garage == 13.0:
        raise ValueError("thirteen")
    if garage == 14.0:
        return None
    return max(prediction, 1_000 * area_per_story + (garage or 0.0) / 3)
"""


def definition(name, *arguments, nullable=()):
    return FeatureDefinition(
        name=name,
        arguments=arguments,
        nullable_arguments=nullable,
        kind="float",
        optional=False,
        module="after",
        function=name,
    )


DEFINITIONS = (
    definition("to_500", "prediction"),
    definition("with_garage", "prediction", "garage", "area_per_story", nullable=("garage",)),
)


@pytest.fixture(scope="module")
def directory(support, tmp_path_factory):
    plain = support.bundle_files()
    contract = AnswerContract.from_row(json.loads(plain["answer.json"]))
    answer = canonical_json(replace(contract, postprocess=DEFINITIONS).to_row())
    changes = {"answer.json": answer, "packed/after.py": AFTER.encode()}
    files = support.bundle_files(**changes)
    assert files["golden.json"] != plain["golden.json"]
    return support.write_bundle(tmp_path_factory.mktemp("postprocessed"), files)


@pytest.fixture
def log(tmp_path):
    with PredictionLog.open(tmp_path / "log", "w0") as log:
        yield log


@pytest.fixture
def predictor(directory, support, log):
    plan = support.plan_for(directory)
    release = load(directory, plan, digest=directory.name, label="1.4.0")
    return Predictor(release, log, plan, PredictionIds(), now=lambda: support.CLOCK)


def ask(predictor, rows):
    status, content = predictor.predict(json.dumps(rows).encode())
    return status, json.loads(content)


requests = st.fixed_dictionaries(
    {
        "valued_on": st.just("2024-05-31"),
        "year_built": st.integers(1800, 2024),
        "area": st.floats(1.0, 500.0),
        "stories": st.sampled_from(["one", "two"]),
        "garage": st.none() | st.floats(0.0, 40.0) | st.sampled_from([13.0, 14.0]),
    }
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(rows=st.lists(requests, min_size=1, max_size=5))
def test_columns_are_answered_as_the_service_answers_to_the_bit(predictor, directory, rows):
    batch = Answering.of(open_bundle(directory))
    columns = {f.name: [r[f.name] for r in rows] for f in batch.schema.fields}
    columns["valued_on"] = [_day(r) for r in rows]
    instant = instant_of(_day(rows[0]), zone="UTC")
    outcome = batch.answer(columns, [None] * len(rows), as_of=instant, history=None)
    answered = dict(zip(outcome.places, range(len(outcome.places)), strict=True))
    for number, row in enumerate(rows):
        status, found = ask(predictor, row)
        if number not in answered:
            assert (status, found["error"]["code"]) == (422, "S123")
            assert outcome.reasons[number].startswith("post-processing with_garage: ")
            continue
        place = answered[number]
        got = [found["prediction"], found["interval"]["low"], found["interval"]["high"]]
        due = [a[place] for a in (outcome.answers.value, outcome.answers.low, outcome.answers.high)]
        assert np.array(got).tobytes() == np.array(due).tobytes()
        assert got[1] <= got[0] <= got[2]
    status, found = ask(predictor, rows)
    if len(answered) < len(rows):
        named = [mistake["row"] for mistake in found["error"]["mistakes"]]
        assert (status, named) == (422, [i for i in range(len(rows)) if i not in answered])
    else:
        due = outcome.answers.value.tolist()
        assert [answer["prediction"] for answer in found] == due


def _day(row):
    return date.fromisoformat(row["valued_on"])


def test_what_cannot_be_post_processed_is_refused_and_logged(predictor, request_body, tmp_path):
    status, content = predictor.predict(request_body(garage=13.0))
    assert status == 422
    assert json.loads(content) == {
        "error": {
            "code": "S123",
            "message": "with_garage cannot post-process the answer to these values",
            "mistakes": [
                {
                    "field": "with_garage",
                    "what": "cannot be computed",
                    "got": "ValueError: thirteen",
                }
            ],
        }
    }
    (record,) = [read_record(r.payload) for r in read_log(tmp_path / "log")]
    assert (record.status, record.error, record.prediction) == (422, "S123", None)


def test_a_request_without_the_optional_value_is_answered(predictor, request_body):
    status, content = predictor.predict(request_body(garage=...))
    assert (status, json.loads(content)["prediction"] % 500) == (200, 0.0)


def test_golden_answers_are_the_post_processed_ones(directory, support):
    files = dict(open_bundle(directory).files)
    rows = read_golden(files["golden.json"])
    assert all(row.prediction >= 1_000 * row.features["area_per_story"] for row in rows)
    files.pop("manifest.json", None)
    files["packed/after.py"] = AFTER.replace("/ 500) * 500", "/ 100) * 100").encode()
    files["golden.json"] = golden_bytes(rows)
    changed = support.write_bundle(directory.parent.parent, files)
    with pytest.raises(IntegrityError) as refused:
        load(changed, support.plan_for(changed), digest=changed.name, label="1.4.0")
    assert refused.value.code == "S105"
