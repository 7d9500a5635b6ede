"""The HTTP edge where a real process is hard to bring there: crashes, a full log, no release."""

import asyncio
import errno
import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from interlock.serve.http.app import App
from interlock.serve.http.request import Request
from interlock.serve.ids import PredictionIds
from interlock.serve.loaded.load import load
from interlock.serve.log.prediction_log import LogFull, LogOptions, PredictionLog
from interlock.serve.log.read import read_log
from interlock.serve.log.record import read_record
from interlock.serve.plan import Limits
from interlock.serve.predictor import Predictor
from interlock.serve.rollout.arms import Arms


@pytest.fixture
def log(tmp_path):
    with PredictionLog.open(tmp_path / "log", "w0") as log:
        yield log


@pytest.fixture
def predictor(support, directory, log):
    plan = support.plan_for(directory)
    return Predictor(load(directory, plan, digest=directory.name), log, plan, PredictionIds())


class Body:
    def __init__(self, body):
        self._body = body

    async def __aiter__(self):
        yield self._body


def ask(app, method, path, body=b"", **headers):
    sent = {"host": "localhost", "content-type": "application/json"}
    sent |= {"content-length": str(len(body))} | headers
    path, _, query = path.partition("?")
    response = asyncio.run(app.respond(Request(method, path, query, sent), Body(body)))
    return response.reply


def make_app(support, directory, log, predictor):
    arms = None if predictor is None else Arms(predictor)
    live = SimpleNamespace(arms=arms, predictor=predictor, status=dict, open=arms is not None)
    return App(support.plan_for(directory), live, log, None)


def test_what_nobody_foresaw_is_a_500_that_is_logged_and_said_to_the_operator_only(
    support, directory, log, predictor, tmp_path, capsys
):
    def prepare(body):
        raise ZeroDivisionError("a secret")

    predictor.prepare = prepare
    answer = ask(make_app(support, directory, log, predictor), "POST", "/v1/predict", b"{}")
    (record,) = [read_record(r.payload) for r in read_log(tmp_path / "log")]
    assert answer.status == 500
    assert json.loads(answer.body)["error"] == {
        "code": "S125",
        "message": "the service failed; its operator can see why",
        "mistakes": [],
    }
    assert (record.status, record.error, record.request) == (500, "S125", b"{}")
    assert "ZeroDivisionError: a secret" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/predict?explain=false", "/v1/outcomes"])
@pytest.mark.parametrize("turns", range(6))
def test_whoever_gives_up_at_any_time_leaves_nobody_in_flight(
    support, directory, log, predictor, path, turns
):
    app = make_app(support, directory, log, predictor)
    path, _, query = path.partition("?")
    headers = {"host": "localhost", "content-type": "application/json", "content-length": "9"}

    class Slow(Body):
        async def __aiter__(self):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            yield self._body

    async def gives_up():
        asking = app.respond(Request("POST", path, query, headers), Slow(support.request_body()))
        task = asyncio.create_task(asking)
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        while app._under_way:
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(gives_up())
    assert app.status.in_flight == 0


def test_there_are_so_many_places_for_work_and_none_is_taken_by_a_body_under_way(
    support, directory, log, predictor
):
    live = SimpleNamespace(arms=Arms(predictor), predictor=predictor, status=dict, open=True)
    plan = support.plan_for(directory, limits=Limits(in_flight=2))
    app = App(plan, live, log, None)
    body = support.request_body()
    headers = {"host": "localhost", "content-type": "application/json"}
    headers["content-length"] = str(len(body))

    class Never(Body):
        async def __aiter__(self):
            yield b"{"
            await asyncio.Event().wait()

    def asked(sent, path="/v1/predict", query=""):
        return asyncio.create_task(app.respond(Request("POST", path, query, headers), sent))

    async def ask():
        slow = [asked(Never(body)) for _ in range(5)]
        await asyncio.sleep(0)
        assert (app.status.in_flight, app.uploads.under_way) == (0, 5)
        for path, query in (("/v1/predict", ""), ("/v1/predict", "explain=false")):
            at_once = [asked(Body(body), path, query) for _ in range(3)]
            found = [response.reply for response in await asyncio.gather(*at_once)]
            assert [reply.status for reply in found] == [200, 200, 503]
            assert json.loads(found[2].body)["error"]["code"] == "S120"
            assert app.status.in_flight == 0
        for task in slow:
            task.cancel()
        await asyncio.wait(slow)

    asyncio.run(ask())
    assert (app.status.metrics.shed, app.uploads.under_way) == (2, 0)
    assert len(list(read_log(log.directory))) == 4


def test_a_page_that_crashes_is_a_500_of_its_own(support, directory, log, predictor, capsys):
    app = make_app(support, directory, log, predictor)
    app.status.told = None
    answer = ask(app, "GET", "/v1/status")
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (500, "S125")
    assert "TypeError" in capsys.readouterr().err
    assert app.status.in_flight == 0


def test_nothing_is_answered_that_could_not_be_logged(support, directory, predictor):
    class Full:
        def append(self, payloads):
            raise LogFull("S150", "the prediction log cannot be written", where="/a/path")

    app = make_app(support, directory, Full(), predictor)
    answer = ask(app, "POST", "/v1/predict", support.request_body())
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (503, "S150")
    assert b"/a/path" not in answer.body


@pytest.mark.parametrize("ack", ["process", "disk"])
@pytest.mark.parametrize(("full", "status", "dropped"), [("refuse", 503, 0), ("drop", 200, 1)])
def test_on_a_full_disk_it_refuses_or_counts_what_the_log_lacks_as_chosen(
    support, directory, tmp_path, monkeypatch, ack, full, status, dropped
):
    plan = support.plan_for(directory)
    release = load(directory, plan, digest=directory.name)
    written = os.write

    def write(fd, data):
        if Path(f"/proc/self/fd/{fd}").readlink().suffix == ".log":
            raise OSError(errno.ENOSPC, "no space left")
        return written(fd, data)

    options = LogOptions(ack=ack, full=full)
    with PredictionLog.open(tmp_path / "full", "w0", options) as log:
        predictor = Predictor(release, log, plan, PredictionIds())
        app = make_app(support, directory, log, predictor)
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", write)
            assert ask(app, "POST", "/v1/predict", support.request_body()).status == status
        assert log.tally.dropped == dropped
        assert ask(app, "POST", "/v1/predict", support.request_body()).status == 200
        assert log.tally.dropped == dropped
    assert [read_record(r.payload).status for r in read_log(tmp_path / "full")] == [200]


@pytest.mark.parametrize("path", ["/v1/schema", "/openapi.json", "/docs"])
def test_without_a_release_there_is_nothing_to_say(support, directory, log, path):
    app = make_app(support, directory, log, None)
    assert ask(app, "GET", path).status == 503
    assert ask(app, "GET", "/health/ready").status == 503
    assert ask(app, "GET", "/health/live").status == 200
    answer = ask(app, "POST", "/v1/predict", b"{}")
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (503, "S127")
    assert app.status.in_flight == 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "S111"),
        (b'{"prediction_id": "", "name": "price", "value": "much"}', 422, "S110"),
        (b"[" + b",".join([b"{}"] * 2_000) + b"]", 413, "S113"),
    ],
)
def test_refused_outcomes_are_logged_as_refusals_of_nobodys_prediction(
    support, directory, log, predictor, body, status, code
):
    app = make_app(support, directory, log, predictor)
    reply = ask(app, "POST", "/v1/outcomes", body)
    assert (reply.status, json.loads(reply.body)["error"]["code"]) == (status, code)
    (record,) = (read_record(entry.payload) for entry in read_log(log.directory))
    assert (record.status, record.error, record.told_outcomes) == (status, code, True)
    assert (record.arm, record.assigned, record.digest) == ("", "", directory.name)
    assert record.request == body[:4_096]
    assert record.message.startswith("outcomes: ")
    assert record.message.removeprefix("outcomes: ") == json.loads(reply.body)["error"]["message"]
    assert app.status.metrics.outcomes == 0
    assert app.status.metrics.latencies == {}, "it is no answer of the release"


def test_a_refused_outcome_that_cannot_be_logged_is_refused_for_that(
    support, directory, log, predictor, monkeypatch
):
    def full(*_, **__):
        raise LogFull("S150", "the log is full")

    monkeypatch.setattr(log, "append", full)
    reply = ask(make_app(support, directory, log, predictor), "POST", "/v1/outcomes", b"{")
    assert (reply.status, json.loads(reply.body)["error"]["code"]) == (503, "S150")
