"""Explanations as they are asked for and given: live, in a list, in batch, in the log."""

import asyncio
import json
import math
import threading
from dataclasses import replace
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interlock.digest import canonical_json
from interlock.errors import IntegrityError, OperatorError
from interlock.features.definition import FeatureDefinition
from interlock.release.bundle import Bundle, open_bundle
from interlock.release.coverage import Coverage
from interlock.release.limits import Limits
from interlock.serve.batch.answering import Answering
from interlock.serve.batch.predict import predict_file
from interlock.serve.contract import AnswerContract
from interlock.serve.errors import ServiceError
from interlock.serve.http.app import App
from interlock.serve.http.docs_page import docs_page
from interlock.serve.http.request import Request
from interlock.serve.http.schema import openapi, schema_document
from interlock.serve.ids import PredictionIds
from interlock.serve.inference.explained_tensors import EXPLANATION
from interlock.serve.loaded.golden import golden_bytes, golden_row
from interlock.serve.loaded.load import load
from interlock.serve.loaded.release import assemble
from interlock.serve.log.prediction_log import PredictionLog
from interlock.serve.log.read import read_log
from interlock.serve.log.record import read_record
from interlock.serve.own_thread import OwnThread
from interlock.serve.predictor import Predictor
from interlock.serve.rollout.arms import Arms
from interlock.serve.rollout.traffic import CHALLENGER, CHAMPION, Split


@pytest.fixture(scope="module")
def explicable(support, bundle_root):
    """The directory of a bundle that can explain."""
    files = support.bundle_files(**{"background.json": support.background()})
    return support.write_bundle(bundle_root, files)


@pytest.fixture(scope="module")
def explicable_classes(support, bundle_root):
    files = support.bundle_files("classes", **{"background.json": support.background()})
    return support.write_bundle(bundle_root, files)


@pytest.fixture
def log(tmp_path):
    with PredictionLog.open(tmp_path / "log", "w0") as log:
        yield log


@pytest.fixture
def make(log, support):
    def make(directory):
        plan = support.plan_for(directory)
        release = load(directory, plan, digest=directory.name, label="1.4.0")
        return Predictor(release, log, plan, PredictionIds(), now=lambda: support.CLOCK)

    return make


class Body:
    def __init__(self, body):
        self._body = body

    async def __aiter__(self):
        yield self._body


def post(support, predictor, log, body, query="explain=true", path="/v1/predict"):
    """Through the HTTP edge, in a loop of its own."""
    live = SimpleNamespace(arms=Arms(predictor), predictor=predictor, status=dict)
    app = App(support.plan_for(None), live, log, None)
    headers = {
        "host": "localhost",
        "content-type": "application/json",
        "content-length": str(len(body)),
    }
    response = asyncio.run(app.respond(Request("POST", path, query, headers), Body(body)))
    reply = response.reply
    return reply.status, json.loads(reply.body)


def records(tmp_path):
    return [read_record(entry.payload) for entry in read_log(tmp_path / "log")]


def test_the_answer_is_explained_when_that_is_asked_and_only_then(
    support, make, log, explicable, request_body
):
    predictor = make(explicable)
    status, answer = post(support, predictor, log, request_body())
    assert status == 200
    why = answer["explanation"]
    assert list(why) == [
        "method", "background_rows", "combine", "base", "model", "contributions", "standard_errors",
    ]  # fmt: skip
    assert (why["method"], why["background_rows"]) == ("sampled Shapley values", 12)
    assert why["combine"] == "multiply"
    assert set(why["contributions"]) == {i.name for i in support.INPUTS}
    product = why["base"] * math.prod(why["contributions"].values())
    assert product == pytest.approx(answer["prediction"], rel=1e-9)
    assert why["model"] == pytest.approx(answer["prediction"], rel=1e-12)
    for query in ("", "explain=false", "other=1"):
        status, plain = post(support, predictor, log, request_body(), query)
        assert (status, "explanation" in plain) == (200, False)
        assert plain["prediction"] == answer["prediction"]


def tensors(*rows, **more):
    """Rows of the friendly API as a request of tensors."""
    kinds = {"valued_on": "BYTES", "year_built": "INT64", "area": "FP64", "stories": "BYTES"}
    inputs = [
        {"name": n, "shape": [len(rows)], "datatype": kind, "data": [row[n] for row in rows]}
        for n, kind in kinds.items()
    ]
    return json.dumps({"inputs": inputs, **more}).encode()


def inferred(support, predictor, log, *rows, **more):
    body = tensors(*rows, **more)
    return post(support, predictor, log, body, "", "/v2/models/valuation/infer")


def test_tensors_are_explained_where_their_parameters_ask(support, make, log, explicable, tmp_path):
    predictor = make(explicable)
    rows = [support.REQUEST | {"area": area} for area in (60.0, 120.0)]
    asked = {"parameters": {"explain": True}}
    status, answer = inferred(support, predictor, log, *rows, **asked)
    friendly = [
        post(support, predictor, log, json.dumps(row).encode())[1]["explanation"] for row in rows
    ]
    found = {tensor["name"]: tensor for tensor in answer["outputs"]}
    names = json.loads(found["contributions"]["parameters"]["inputs"])
    assert (status, names) == (200, [i.name for i in support.INPUTS])
    assert found["contributions"]["shape"] == [2, len(names)]
    assert found["contributions"]["data"] == [
        w["contributions"][n] for w in friendly for n in names
    ]
    errors = [w["standard_errors"][n] for w in friendly for n in names]
    assert found["contribution_errors"]["data"] == errors
    assert found["explanation_base"]["data"] == [why["base"] for why in friendly]
    assert found["explanation_model"]["data"] == [why["model"] for why in friendly]
    assert found["contributions"]["parameters"]["combine"] == "multiply"
    assert "prediction" in found
    chosen = [{"name": "contributions"}, {"name": "prediction"}]
    _, some = inferred(support, predictor, log, rows[0], outputs=chosen, **asked)
    assert [tensor["name"] for tensor in some["outputs"]] == ["contributions", "prediction"]
    _, plain = inferred(support, predictor, log, rows[0])
    assert not {tensor["name"] for tensor in plain["outputs"]} & set(EXPLANATION)
    assert records(tmp_path)[0].explanation is not None


def test_what_cannot_be_explained_in_tensors_is_said(
    support, make, log, explicable, directory, tmp_path
):
    row, asked = support.REQUEST, {"parameters": {"explain": True}}
    predictor = make(explicable)
    assert inferred(support, predictor, log, row, parameters={"explain": "yes"}) == (
        422,
        {
            "error": "S110: the request has 1 mistake: explain is no parameter of this kind, "
            'expected true or false, got "yes"'
        },
    )
    status, refused = inferred(support, predictor, log, row, outputs=[{"name": "contributions"}])
    assert (status, refused["error"][:45]) == (
        422,
        "S110: the request has 1 mistake: contributions"[:45],
    )
    assert inferred(support, predictor, log, *[row] * 11, **asked)[0] == 413
    assert inferred(support, make(directory), log, row, **asked)[0] == 409


def test_the_log_holds_what_was_told(support, make, log, explicable, request_body, tmp_path):
    predictor = make(explicable)
    _, answer = post(support, predictor, log, request_body())
    post(support, predictor, log, request_body(), "")
    first, second = records(tmp_path)
    assert first.explanation.contributions == answer["explanation"]["contributions"]
    assert first.explanation.base == answer["explanation"]["base"]
    assert first.phases.explain > 0
    assert (second.explanation, second.phases.explain) == (None, 0)


def test_a_list_is_explained_row_by_row_as_each_alone(support, make, explicable, request_body):
    predictor = make(explicable)
    bodies = [request_body(area=a, garage=g) for a in (50, 120.5) for g in (None, 20)]
    many = json.loads(predictor.prepare(b"[" + b",".join(bodies) + b"]", explain=True).body)
    alone = [json.loads(predictor.prepare(body, explain=True).body) for body in bodies]
    assert [a["explanation"] for a in many] == [a["explanation"] for a in alone]
    assert len({json.dumps(a["explanation"]) for a in alone}) == 4


def test_a_thread_explains_as_the_loop_does_while_others_are_answered(
    make, explicable, request_body
):
    predictor = make(explicable)

    def request_body_of(area):
        return request_body(area=area)

    async def both():
        thread = OwnThread("explain")
        asked = [
            asyncio.create_task(predictor.explained(predictor.answered(body), thread))
            for body in map(request_body_of, (60, 90, 120))
        ]
        await asyncio.sleep(0)
        plain = [predictor.prepare(request_body_of(a)) for a in (60, 90, 120)]
        return [await task for task in asked], plain

    explained, plain = asyncio.run(both())
    for one, other, area in zip(explained, plain, (60, 90, 120), strict=True):
        found, said = json.loads(one.body), json.loads(other.body)
        assert found["prediction"] == said["prediction"]
        again = json.loads(predictor.prepare(request_body(area=area), explain=True).body)
        assert found["explanation"] == again["explanation"]


@pytest.fixture
def hang(monkeypatch):
    """Has a predictor's explanations hang until the event that is given; they then come at once."""
    go_on = threading.Event()

    def hang(predictor):
        explainer = predictor.release.explainer

        class Hanging:
            exchange = explainer.exchange

            def explain(self, row):
                monkeypatch.setattr("interlock.serve.predictor.EXPLAIN_SECONDS", 60.0)
                assert go_on.wait(60)
                return explainer.explain(row)

        monkeypatch.setattr("interlock.serve.predictor.EXPLAIN_SECONDS", 0.3)
        predictor.release = replace(predictor.release, explainer=Hanging())
        return go_on

    yield hang
    go_on.set()


def test_where_one_hangs_others_are_refused_and_predictions_are_answered(
    support, make, log, explicable, request_body, hang, tmp_path, capfd
):
    predictor = make(explicable)
    go_on, body = hang(predictor), request_body()
    nothing = dict.fromkeys(("digest", "release", "generation"))
    live = SimpleNamespace(arms=Arms(predictor), predictor=predictor, status=nothing.copy)
    app = App(support.plan_for(None), live, log, None)
    headers = {
        "host": "localhost",
        "content-type": "application/json",
        "content-length": str(len(body)),
    }

    async def ask(query):
        reply = (
            await app.respond(Request("POST", "/v1/predict", query, headers), Body(body))
        ).reply
        return reply.status, json.loads(reply.body).get("error", {}).get("code")

    def standing():
        sample = 'interlock_explaining_late{worker="w0"} '
        said = app.status.exposition().partition(sample)[2][:1]
        return app.status.told()["explaining_late"], said, app.status.in_flight

    async def whole():
        assert standing() == (False, "0", 0)
        assert await ask("explain=true") == (503, "S144")
        while not app.status.told()["explaining_late"]:
            await asyncio.sleep(0.01)
        assert standing() == (True, "1", 0)
        for _ in range(3):
            assert await ask("explain=true") == (503, "S144"), "not waited for: it has 60 s now"
            assert await ask("") == (200, None)
        go_on.set()
        while app.status.told()["explaining_late"]:
            await asyncio.sleep(0.01)
        assert await ask("explain=true") == (200, None)
        assert standing() == (False, "0", 0)

    asyncio.run(asyncio.wait_for(whole(), 60))
    assert [r.error for r in records(tmp_path)] == ["S144", *["S144", ""] * 3, ""]
    said = capfd.readouterr().err
    assert said.count("an explanation does not come; none other is begun until it does") == 1
    assert "go_on.wait(60)" in said, "where it is"


def test_a_challenger_whose_explanation_hangs_keeps_the_champion_from_none(
    make, explicable, request_body, hang
):
    champion, challenger = make(explicable), make(explicable)
    hang(challenger)
    arms = Arms(champion, challenger, Split("a rollout", 10_000))

    async def whole():
        thread = OwnThread("explain")
        return [await arms.trial.ask(request_body(), explain=True, thread=thread) for _ in range(5)]

    replies = asyncio.run(asyncio.wait_for(whole(), 60))
    assert all("explanation" in json.loads(reply.body) for reply in replies)
    found = [read_record(reply.records[0]) for reply in replies]
    assert {(r.status, r.assigned, r.arm) for r in found} == {(200, CHALLENGER, CHAMPION)}
    assert [r.instead for r in found] == [*["S144"] * 4, "S163"]
    assert arms.told()["set_aside"] == "4 of 4 answers failed (4 × S144)"


def test_of_two_classes_the_positive_one_is_explained(make, explicable_classes, request_body):
    answer = json.loads(make(explicable_classes).prepare(request_body(), explain=True).body)
    why = answer["explanation"]
    assert (why["of"], why["combine"]) == ("true", "add")
    total = why["base"] + math.fsum(why["contributions"].values())
    assert total == pytest.approx(answer["probabilities"]["true"], rel=1e-9)


def test_a_release_without_background_rows_says_so(
    support, make, log, directory, request_body, tmp_path
):
    status, body = post(support, make(directory), log, request_body())
    assert (status, body) == (
        409,
        {
            "error": {
                "code": "S129",
                "message": "this release carries no background rows to explain its answers with",
                "mistakes": [],
            }
        },
    )
    (record,) = records(tmp_path)
    assert (record.status, record.error, record.request) == (409, "S129", request_body())


def test_too_many_rows_are_refused(support, make, log, explicable, request_body):
    predictor = make(explicable)
    row = request_body()
    status, body = post(support, predictor, log, b"[" + b",".join([row] * 11) + b"]")
    assert status == 413
    assert body["error"]["message"] == "at most 10 rows are explained in one request, not 11"
    status, answers = post(support, predictor, log, b"[" + b",".join([row] * 10) + b"]")
    assert (status, len(answers)) == (200, 10)


@pytest.mark.parametrize("query", ["explain=", "explain=1", "explain=true&explain=false",
                                   "explain=TRUE", "explain=" + "x" * 500])  # fmt: skip
def test_neither_true_nor_false_is_a_mistake(
    support, make, log, explicable, request_body, tmp_path, query
):
    status, body = post(support, make(explicable), log, request_body(), query)
    assert (status, body["error"]["code"]) == (422, "S110")
    (mistake,) = body["error"]["mistakes"]
    assert mistake["field"] == "explain"
    assert mistake["expected"] == "?explain=true or ?explain=false"
    assert len(mistake.get("got", "")) <= 100
    assert [r.error for r in records(tmp_path)] == ["S110"]


def test_wrong_rows_are_refused_as_ever(make, explicable, request_body):
    reply = make(explicable).prepare(request_body(area=-1), explain=True)
    assert (reply.status, json.loads(reply.body)["error"]["code"]) == (422, "S110")


def test_what_a_consumer_reads_says_how_to_ask(make, explicable, directory):
    able, unable = (make(d).release.contract for d in (explicable, directory))
    assert schema_document(able)["limits"]["explained_rows"] == 10
    assert schema_document(unable)["limits"]["explained_rows"] == 0
    parameter, _ = openapi(able)["paths"]["/v1/predict"]["post"]["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == (
        "explain",
        "query",
        False,
    )
    names = [p["name"] for p in openapi(unable)["paths"]["/v1/predict"]["post"]["parameters"]]
    assert names == ["Interlock-Arm"]
    answer = openapi(able)["components"]["schemas"]["Answer"]
    assert answer["properties"]["explanation"]["properties"]["combine"]["const"] == "multiply"
    assert "explanation" not in answer["required"]
    assert "/v1/predict?explain=true" in docs_page(able)
    assert "carries nothing to explain its answers with" in docs_page(unable)


def test_a_file_is_explained_as_the_service_explains_its_rows(
    support, make, explicable, request_body, tmp_path
):
    areas = [40.0, 120.0, 299.0, -1.0, 75.5]
    table = pa.table(
        {
            "valued_on": ["2024-05-31"] * 5,
            "year_built": [1990] * 5,
            "area": areas,
            "stories": ["one", "two", "one", "one", "two"],
            "garage": [None, 12.0, 20.0, None, None],
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    release = Answering.of(open_bundle(explicable))
    result = predict_file(
        release, tmp_path / "in.parquet", tmp_path / "out.parquet",
        history=None, as_of=support.CLOCK, explain=True, chunk_rows=2,
    )  # fmt: skip
    assert (result.answered, result.rejected) == (4, 1)
    predictor = make(explicable)
    for row in pq.read_table(tmp_path / "out.parquet").to_pylist():
        told = {k.removeprefix("contribution_"): v for k, v in row.items() if "contribution_" in k}
        if row["rejected_reason"] is not None:
            assert {*told.values(), row["base"]} == {None}
            continue
        asked = {name: row[name] for name in table.column_names}
        live = json.loads(predictor.prepare(json.dumps(asked).encode(), explain=True).body)
        assert told == live["explanation"]["contributions"]
        assert row["base"] == live["explanation"]["base"]


def test_a_row_that_cannot_be_explained_keeps_no_other_of_a_file_from_its_own(
    support, explicable, tmp_path
):
    release = Answering.of(open_bundle(explicable))

    class Reluctant:
        """Refuses what a service would, of one row."""

        exchange = release.explainer.exchange

        def explain(self, row):
            explanation = release.explainer.explain(row)
            if 120.0 in row:
                raise ServiceError("S124", "the model gave no finite answer on the way to this one")
            return explanation

    rows = [support.REQUEST | {"area": area} for area in (60.0, 120.0, 90.0)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet")
    result = predict_file(
        replace(release, explainer=Reluctant()), tmp_path / "in.parquet", tmp_path / "out.parquet",
        history=None, as_of=support.CLOCK, explain=True,
    )  # fmt: skip
    assert result.answered == 3
    out = pq.read_table(tmp_path / "out.parquet")
    assert out["prediction"].null_count == 0
    for name in ("base", "contribution_area"):
        assert [value is None for value in out[name].to_pylist()] == [False, True, False]


def test_a_file_cannot_be_explained_by_a_release_that_cannot(support, directory, tmp_path):
    pq.write_table(pa.table({"area": [1.0]}), tmp_path / "in.parquet")
    with pytest.raises(OperatorError) as refused:
        predict_file(
            Answering.of(open_bundle(directory)), tmp_path / "in.parquet", tmp_path / "out.csv",
            history=None, as_of=0, explain=True,
        )  # fmt: skip
    assert refused.value.code == "S129"
    assert not (tmp_path / "out.csv").exists()


def test_a_row_that_is_not_covered_has_nothing_to_explain(
    support, make, bundle_root, files, request_body
):
    coverage = Coverage(
        limits=(Limits(name="area", ends=(1.0, 200.0), log=False, cutoff=3.5, n=9),)
    )
    changed = files | {
        "background.json": support.background(),
        "coverage.json": canonical_json(coverage.to_row()),
    }
    predictor = make(support.write_bundle(bundle_root, with_golden(support, changed)))
    rows = b"[" + request_body(area=500) + b"," + request_body() + b"]"
    silent, told = json.loads(predictor.prepare(rows, explain=True).body)
    assert (silent["covered"], silent["prediction"], "explanation" in silent) == (
        False,
        None,
        False,
    )
    assert (told["covered"], "explanation" in told) == (True, True)


def test_what_is_explained_is_the_model_s_answer_before_post_processing(
    support, make, bundle_root, files, request_body
):
    to_500 = FeatureDefinition(
        name="to_500", arguments=("prediction",), nullable_arguments=(), kind="float",
        optional=False, module="after", function="to_500",
    )  # fmt: skip
    answered = AnswerContract.from_row(json.loads(files["answer.json"]))
    changed = files | {
        "background.json": support.background(),
        "answer.json": canonical_json(replace(answered, postprocess=(to_500,)).to_row()),
        "packed/after.py": b"def to_500(prediction):\n    return round(prediction / 500) * 500\n",
    }
    predictor = make(support.write_bundle(bundle_root, with_golden(support, changed)))
    answer = json.loads(predictor.prepare(request_body(), explain=True).body)
    why = answer["explanation"]
    assert answer["prediction"] == round(why["model"] / 500) * 500 != why["model"]
    product = why["base"] * math.prod(why["contributions"].values())
    assert product == pytest.approx(why["model"], rel=1e-9)


def with_golden(support, files):
    release = assemble(
        Bundle(digest="0" * 64, directory=None, manifest=support.MANIFEST, files=files),
        support.plan_for(None),
    )
    row = golden_row(release, support.REQUEST, as_of=support.CLOCK)
    return files | {"golden.json": golden_bytes([row])}


def test_background_rows_that_do_not_fit_keep_the_release_from_loading(support, bundle_root):
    files = support.bundle_files()
    files["background.json"] = canonical_json({"columns": {"area": [1.0]}})
    directory = support.write_bundle(bundle_root, files)
    with pytest.raises(IntegrityError) as refused:
        load(directory, support.plan_for(directory), digest=directory.name)
    assert refused.value.code == "S131"
