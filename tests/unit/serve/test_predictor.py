"""From request bytes to logged answers."""

import json
import math

import msgspec
import pytest

from interlock.errors import IntegrityError, OperatorError
from interlock.release.bundle import open_bundle
from interlock.serve.errors import ServiceError
from interlock.serve.ids import PredictionIds
from interlock.serve.loaded.history import Found
from interlock.serve.loaded.load import load
from interlock.serve.log.prediction_log import LogFull, PredictionLog
from interlock.serve.log.read import read_log
from interlock.serve.log.record import read_record
from interlock.serve.predictor import Predictor


@pytest.fixture
def log(tmp_path):
    with PredictionLog.open(tmp_path / "log", "w0") as log:
        yield log


@pytest.fixture
def records(tmp_path):
    return lambda: [read_record(r.payload) for r in read_log(tmp_path / "log")]


@pytest.fixture
def make(log, directory, support):
    def make(directory=directory, release=None, **changes):
        trial = support.plan_for(directory)
        release = release or load(directory, trial, digest=directory.name, label="1.4.0")
        plan = support.plan_for(directory, **changes)
        return Predictor(release, log, plan, PredictionIds(), now=lambda: support.CLOCK)

    return make


def ask(predictor, body):
    status, content = predictor.predict(body)
    return status, json.loads(content)


def test_one_object_gets_one_answer(make, request_body, directory):
    status, answer = ask(make(), request_body())
    identity = answer.pop("id")
    prediction = answer.pop("prediction")
    interval = answer.pop("interval")
    assert status == 200
    assert len(identity) == 32
    assert answer == {
        "unit": "USD",
        "covered": True,
        "release": "1.4.0",
        "digest": directory.name,
        "arm": "champion",
        "replay": True,
    }
    assert interval["level"] == 0.8
    assert interval["low"] == pytest.approx(prediction * math.exp(-0.1), rel=1e-12)
    assert interval["high"] == pytest.approx(prediction * math.exp(0.1), rel=1e-12)


def test_a_list_gets_the_answers_of_its_rows_to_the_bit(make, request_body):
    predictor = make()
    bodies = [request_body(area=a, stories=s) for a in (50, 77.7, 200) for s in ("one", "two")]
    status, many = ask(predictor, b"[" + b",".join(bodies) + b"]")
    alone = [ask(predictor, body)[1] for body in bodies]
    assert status == 200
    assert [a["prediction"] for a in many] == [a["prediction"] for a in alone]
    assert [a["interval"] for a in many] == [a["interval"] for a in alone]


def test_a_list_of_one_is_answered_by_a_list(make, request_body):
    status, answers = ask(make(), b"[" + request_body() + b"]")
    assert (status, len(answers)) == (200, 1)


def test_what_is_answered_is_in_the_log(make, request_body, records, directory, support):
    predictor = make()
    _, answer = ask(predictor, request_body())
    (record,) = records()
    assert (record.id, record.prediction) == (answer["id"], answer["prediction"])
    assert record.interval == (answer["interval"]["low"], answer["interval"]["high"])
    assert (record.status, record.time, record.replay) == (200, support.CLOCK, True)
    assert record.as_of == 1_717_113_600_000_000  # 2024-05-31T00:00Z
    assert record.entity == (1990, 120.0)
    assert record.features == {"age": 34, "area_per_story": 120.0, "rooms": 6.0}
    assert (record.product, record.digest, record.label) == ("valuation", directory.name, "1.4.0")
    assert (record.assigned, record.arm) == ("champion", "champion")
    assert record.phases.score > 0


def test_a_logged_request_can_be_asked_again(make, request_body, records):
    predictor = make()
    _, answer = ask(predictor, request_body(garage=...))
    (record,) = records()
    status, again = ask(predictor, record.request)
    assert (status, again["prediction"]) == (200, answer["prediction"])


def test_a_request_is_logged_as_it_came_unless_it_is_long_or_one_of_a_list(
    make, request_body, records
):
    predictor, body = make(), b"  " + request_body().replace(b",", b" ,\n")
    for sent in (body, body + b" " * 4_096, b"[" + body + b"]"):
        assert predictor.predict(sent)[0] == 200
    came, long, listed = [record.request for record in records()]
    assert came == body
    assert long == listed == msgspec.json.encode(msgspec.json.decode(body))


def test_classes_are_answered_by_name_with_probabilities(
    make, request_body, bundle_root, class_files, support
):
    directory = support.write_bundle(bundle_root, class_files)
    status, answer = ask(make(directory), request_body(area=300))
    assert status == 200
    assert answer["prediction"] is True
    assert answer["probabilities"]["true"] > 0.5
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["interval"] is None


def test_a_refused_request_is_logged_too(make, request_body, records):
    status, problem = ask(make(), request_body(area="big"))
    (record,) = records()
    assert status == 422
    assert problem == {
        "error": {
            "code": "S110",
            "message": "the request has 1 mistake",
            "mistakes": [
                {
                    "field": "area",
                    "what": "is a text",
                    "expected": "a number > 0",
                    "got": '"big"',
                }
            ],
        }
    }
    assert (record.status, record.error, record.message) == (
        422,
        "S110",
        "the request has 1 mistake",
    )
    assert json.loads(record.request)["area"] == "big"


def test_a_feature_that_raises_refuses_the_row_by_name(make, request_body):
    status, problem = ask(make(), request_body(area=13))
    assert status == 422
    assert problem["error"]["code"] == "S121"
    assert problem["error"]["message"] == "the feature rooms cannot be computed from these values"
    assert problem["error"]["mistakes"] == [
        {"field": "rooms", "what": "cannot be computed", "got": "ValueError: thirteen"}
    ]


def test_all_rows_of_a_list_that_fail_are_named(make, request_body, records):
    bodies = [request_body(area=area) for area in (13, 50, 13)]
    status, problem = ask(make(), b"[" + b",".join(bodies) + b"]")
    assert status == 422
    assert [m["row"] for m in problem["error"]["mistakes"]] == [0, 2]
    assert problem["error"]["message"].startswith("2 rows are refused; the feature rooms")
    assert [r.status for r in records()] == [422]


@pytest.mark.parametrize("area", ["nan", "inf", "-inf"])
def test_an_answer_that_is_not_finite_is_never_sent(make, request_body, records, area):
    predictor = make()
    broken = Predictor.__new__(Predictor)
    broken.__dict__.update(predictor.__dict__)
    broken.release = _Answering(predictor.release, float(area))
    status, problem = ask(broken, request_body())
    assert (status, problem["error"]["code"]) == (500, "S124")
    assert [r.status for r in records()] == [500]


class _Answering:
    """A release whose model gives one fixed score."""

    def __init__(self, release, score):
        self._release, self._score = release, score

    def __getattr__(self, name):
        return getattr(self._release, name)

    def score_one(self, row):
        return [self._score]


def test_nothing_is_answered_that_cannot_be_logged(make, request_body):
    class Full:
        def append(self, payloads):
            raise LogFull("S150", "the prediction log cannot be written", where="/secret/path")

    predictor = make()
    predictor._log = Full()
    status, problem = ask(predictor, request_body())
    assert status == 503
    assert problem["error"]["code"] == "S150"
    assert "secret" not in json.dumps(problem)


def test_live_a_time_far_from_the_clock_is_refused(make, request_body):
    day = 86_400_000_000
    predictor = make(replay=False, tolerance=day)
    assert [
        ask(predictor, request_body(valued_on=on))[0]
        for on in ("2024-05-29", "2024-05-30", "2024-05-31", "2024-06-01", "2024-06-02")
    ] == [422, 200, 200, 200, 200]
    status, problem = ask(predictor, request_body(valued_on="1997-01-02"))
    assert status == 422
    assert problem["error"] == {
        "code": "S126",
        "message": "the time asked about is too far from the present",
        "mistakes": [
            {
                "field": "valued_on",
                "what": "is too far away",
                "expected": "within 1d of the present",
                "got": "1997-01-02",
            }
        ],
    }


@pytest.mark.parametrize("on", ["0001-01-01", "9999-12-31", "1997-01-02"])
def test_in_replay_any_time_is_answered(make, request_body, on):
    status, answer = ask(make(), request_body(valued_on=on))
    assert (status, answer["replay"]) == (200, True)


def test_live_answers_carry_no_replay_mark(make, request_body):
    _, answer = ask(make(replay=False), request_body())
    assert "replay" not in answer


def test_ids_are_unique_and_sort_by_time():
    ids, others = PredictionIds(), PredictionIds()
    made = [ids.next(time) for time in (5, 5, 6, 2**50)]
    assert made == sorted(made)
    assert len({*made, *(others.next(5) for _ in range(1_000))}) == 1_004


def test_history_that_is_unavailable_refuses_or_degrades(make, request_body):
    predictor = make()

    class Down:
        def rows(self, asked):
            raise ServiceError("S122", "the history features are unavailable")

    class Defaults:
        def rows(self, asked):
            return [Found((), {}, True) for _ in asked]

    predictor.release = _with_history(predictor.release, Down())
    assert ask(predictor, request_body())[0] == 503
    predictor.release = _with_history(predictor.release, Defaults())
    status, answer = ask(predictor, request_body())
    assert (status, answer["degraded"]) == (200, True)


def test_all_rows_of_a_request_are_one_look_up_and_none_for_a_refused_one(make, request_body):
    predictor, asked = make(), []

    class Counting:
        def rows(self, rows):
            asked.append(rows)
            return [Found((), {}, False) for _ in rows]

    predictor.release = _with_history(predictor.release, Counting())
    row = request_body()
    status, answers = ask(predictor, b"[" + b",".join([row] * 5) + b"]")
    assert (status, len(answers)) == (200, 5)
    assert [len(rows) for rows in asked] == [5]
    known, as_of = asked[0][0]
    assert (known[2], as_of) == (120.0, 1_717_113_600_000_000)
    assert ask(predictor, b"[" + row + b"," + request_body(area=13.0) + b"]")[0] == 422
    assert len(asked) == 1


def _with_history(release, history):
    from dataclasses import replace

    return replace(release, history=history)


def test_a_release_that_gives_other_answers_than_its_golden_ones_is_refused(
    files, bundle_root, support
):
    rows = json.loads(files["golden.json"])
    rows[1]["prediction"] *= 1 + 1e-9
    rows[2]["features"]["age"] = 35
    directory = support.write_bundle(
        bundle_root, files | {"golden.json": json.dumps(rows).encode()}
    )
    with pytest.raises(IntegrityError) as caught:
        load(directory, support.plan_for(directory), digest=directory.name)
    assert caught.value.code == "S105"
    assert caught.value.mistakes[0].got.startswith("row 1: prediction is ")
    assert "row 2: feature age is 34, was 35" in caught.value.mistakes[0].got


@pytest.mark.parametrize("golden", [b"[]", b"{}", b"[1]", b""])
def test_a_release_without_golden_answers_is_refused(files, bundle_root, support, golden):
    directory = support.write_bundle(bundle_root, files | {"golden.json": golden})
    with pytest.raises(IntegrityError) as caught:
        load(directory, support.plan_for(directory), digest=directory.name)
    assert caught.value.code == "S105"


def test_a_release_whose_bytes_changed_is_refused(files, tmp_path, support):
    directory = support.write_bundle(tmp_path, files)
    model = directory / "model.onnx"
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(data)
    with pytest.raises(IntegrityError):
        load(directory, support.plan_for(directory), digest=directory.name)


def test_a_service_that_answers_live_needs_proof(directory, support):
    with pytest.raises(OperatorError, match="names no policy"):
        load(directory, support.plan_for(directory, replay=False), digest=directory.name)


def test_a_pinned_digest_and_another_product_are_refused(directory, support):
    with pytest.raises(IntegrityError, match="another bundle than the plan allows"):
        load(directory, support.plan_for(directory, digest="1" * 64), digest=directory.name)
    with pytest.raises(IntegrityError, match="a bundle of another product"):
        load(directory, support.plan_for(directory, product="flights"), digest=directory.name)


def test_the_example_of_the_contract_is_a_golden_request(directory, support):
    release = load(directory, support.plan_for(directory), digest=directory.name)
    assert release.decoder.decode(msgspec.json.encode(release.contract.example)).rows
    assert open_bundle(directory).digest == release.digest


def _kept_by(name, kind, support, files, bundle_root):
    features = json.loads(files["features.json"])
    features["histories"] = [
        {
            "name": "market",
            "source": "sales",
            "entity": [[name, kind]],
            "refresh": 1,
            "landing": 0,
            "aggregates": [],
            "digest": "2" * 64,
        }
    ]
    changed = files | {"features.json": json.dumps(features).encode()}
    return support.write_bundle(bundle_root, changed)


def test_history_features_need_an_online_store(support, files, bundle_root):
    directory = _kept_by("year_built", "int", support, files, bundle_root)
    with pytest.raises(OperatorError, match="has no online store"):
        load(directory, support.plan_for(directory), digest=directory.name)


@pytest.mark.parametrize(("name", "kind"), [("year_built", "str"), ("area", "int"), ("no", "int")])
def test_an_entity_of_another_type_live_than_in_the_history_is_refused(
    support, files, bundle_root, name, kind
):
    directory = _kept_by(name, kind, support, files, bundle_root)
    plan = support.plan_for(directory, online=str(bundle_root))
    with pytest.raises(IntegrityError) as caught:
        load(directory, plan, digest=directory.name)
    assert caught.value.code == "S131"
    assert f"history 'market' is kept by {name}: {kind}" in caught.value.mistakes[0].got


@pytest.mark.parametrize(("name", "kind"), [("stories", "str"), ("age", "int")])
def test_an_entity_that_is_a_category_or_a_request_feature_is_taken(
    support, files, bundle_root, name, kind
):
    directory = _kept_by(name, kind, support, files, bundle_root)
    plan = support.plan_for(directory, online=str(bundle_root))
    assert load(directory, plan, digest=directory.name).histories[0].entity == ((name, kind),)
