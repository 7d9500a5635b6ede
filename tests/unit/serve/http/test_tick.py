"""Requests that come together are answered as if each had come alone."""

import asyncio
import json
from concurrent.futures import Future

import pytest

from interlock.serve.http.tick import MOST, Tick
from interlock.serve.ids import PredictionIds
from interlock.serve.loaded.load import load
from interlock.serve.log.prediction_log import LogFull, PredictionLog
from interlock.serve.log.read import read_log
from interlock.serve.predictor import Predictor


@pytest.fixture
def log(tmp_path):
    with PredictionLog.open(tmp_path / "log", "w0") as log:
        yield log


@pytest.fixture
def predictor(log, directory, support):
    plan = support.plan_for(directory)
    release = load(directory, plan, digest=directory.name, label="1.4.0")
    return Predictor(release, log, plan, PredictionIds(), now=lambda: support.CLOCK)


class Calls:
    """A release's call of the model, counted."""

    def __init__(self, predictor, monkeypatch):
        self.sizes = []
        scorer = predictor.release.scorer
        few, raw_one = scorer.raw_few, scorer.raw_one
        monkeypatch.setattr(
            scorer, "raw_few", lambda rows: self.sizes.append(len(rows)) or few(rows)
        )
        monkeypatch.setattr(scorer, "raw_one", lambda row: self.sizes.append(1) or raw_one(row))


def promised(tick, predictor, body):
    future = asyncio.get_running_loop().create_future()
    tick.answer(predictor, body, future.set_result)
    return future


def asked(tick, predictor, bodies):
    """All bodies within one turn of the loop."""

    async def ask():
        futures = [promised(tick, predictor, body) for body in bodies]
        return await asyncio.wait_for(asyncio.gather(*futures), 10)

    return [(reply.status, reply.body) for reply in asyncio.run(ask())]


def told(sent):
    """Answers without their ids."""
    found = []
    for status, body in sent:
        answer = json.loads(body)
        for one in answer if isinstance(answer, list) else [answer]:
            one.pop("id", None)
        found.append((status, answer))
    return found


def write_to(log):
    def file(records):
        log.append(records)

    return file


def test_one_call_of_the_model_and_one_write(log, predictor, request_body, monkeypatch, tmp_path):
    calls, writes = Calls(predictor, monkeypatch), []
    tick = Tick(lambda records: (writes.append(len(records)), log.append(records))[0])
    sent = asked(tick, predictor, [request_body(area=50.0 + i) for i in range(9)])
    assert [status for status, _ in sent] == [200] * 9
    assert (calls.sizes, writes) == ([9], [9])
    assert len({json.loads(body)["id"] for _, body in sent}) == 9
    assert len(list(read_log(tmp_path / "log"))) == 9


def test_each_gets_the_answer_it_would_have_got_alone(log, predictor, request_body):
    bodies = [
        request_body(area=71.5),
        b"{",
        b"[" + request_body(area=90) + b"," + request_body(area=12) + b"]",
        request_body(area="wide"),
        request_body(area=1e308),
        request_body(area=33),
    ]
    together = told(asked(Tick(write_to(log)), predictor, bodies))
    alone = told([predictor.predict(body) for body in bodies])
    assert json.dumps(together) == json.dumps(alone)
    assert [status for status, _ in together] == [200, 400, 200, 422, 422, 200]


def test_what_crashes_one_request_leaves_the_others_alone(
    log, predictor, request_body, monkeypatch, capsys
):
    encode = predictor.release.packed.row

    def row(values, as_of):
        if 666.0 in values:
            raise ZeroDivisionError("nobody foresaw this")
        return encode(values, as_of)

    monkeypatch.setattr(predictor.release.packed, "row", row)
    bodies = [request_body(area=1), request_body(area=666.0), request_body(area=2)]
    sent = asked(Tick(write_to(log)), predictor, bodies)
    assert [status for status, _ in sent] == [200, 500, 200]
    assert "nobody foresaw this" in capsys.readouterr().err


def test_nothing_leaves_where_the_log_is_full(log, predictor, request_body):
    def full(records):
        raise LogFull("S150", "the prediction log cannot be written")

    sent = asked(Tick(full), predictor, [request_body(), request_body()])
    assert [status for status, _ in sent] == [503, 503]


def test_a_log_that_breaks_otherwise_is_heard_of(log, predictor, request_body, capsys):
    def broken(records):
        raise RuntimeError("no log at all")

    assert [s for s, _ in asked(Tick(broken), predictor, [request_body()])] == [500]
    assert "no log at all" in capsys.readouterr().err


def test_whoever_cannot_take_its_answer_keeps_no_other_from_its_own(
    log, predictor, request_body, capsys
):
    async def ask():
        tick, given = Tick(write_to(log)), []
        for then in (given.append, lambda reply: 1 / 0, given.append):
            tick.answer(predictor, request_body(), then)
        await asyncio.sleep(0.01)
        return [reply.status for reply in given]

    assert asyncio.run(ask()) == [200, 200]
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_disk_that_fails_in_a_way_nobody_foresaw_is_answered(predictor, request_body, capsys):
    synced = Future()
    synced.set_exception(RuntimeError("no disk at all"))
    tick = Tick(lambda records: asyncio.wrap_future(synced))
    assert [s for s, _ in asked(tick, predictor, [request_body()] * 2)] == [500, 500]
    assert "no disk at all" in capsys.readouterr().err


def test_no_answer_leaves_before_the_disk_has_it(predictor, request_body):
    synced = Future()

    async def ask():
        tick = Tick(lambda records: asyncio.wrap_future(synced))
        future = promised(tick, predictor, request_body())
        await asyncio.sleep(0.05)
        early = future.done()
        synced.set_result(1)
        return early, (await asyncio.wait_for(future, 10)).status

    assert asyncio.run(ask()) == (False, 200)


def test_many_are_answered_in_groups(log, predictor, request_body, monkeypatch):
    calls = Calls(predictor, monkeypatch)
    sent = asked(Tick(write_to(log)), predictor, [request_body()] * (MOST + 5))
    assert {status for status, _ in sent} == {200}
    assert calls.sizes == [MOST, 5]


def test_a_swap_between_two_requests_answers_each_by_its_own(
    log, predictor, directory, support, request_body
):
    plan = support.plan_for(directory)
    release = load(directory, plan, digest=directory.name, label="1.5.0")
    other = Predictor(release, log, plan, PredictionIds(), now=lambda: support.CLOCK)

    async def ask():
        tick = Tick(write_to(log))
        futures = [promised(tick, p, request_body()) for p in (predictor, other, predictor)]
        return await asyncio.gather(*futures)

    labels = [json.loads(reply.body)["release"] for reply in asyncio.run(ask())]
    assert labels == ["1.4.0", "1.5.0", "1.4.0"]
