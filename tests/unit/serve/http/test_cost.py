"""What the edge adds to an answer, in calls: it is a large part of what an answer of one row costs.

Counted, not timed, so that it is the same on any machine.
"""

import asyncio
import sys
from collections import Counter
from types import SimpleNamespace

from interlock.serve.http.app import App
from interlock.serve.http.connection import Connection
from interlock.serve.ids import PredictionIds
from interlock.serve.loaded.load import load
from interlock.serve.log.prediction_log import PredictionLog
from interlock.serve.predictor import Predictor
from interlock.serve.rollout.arms import Arms

CONNECTIONS = 32


class Transport:
    def __init__(self):
        self.sent = []
        self.write = self.sent.append

    def is_closing(self):
        return False


def post(body, *fields):
    head = ["POST /v1/predict HTTP/1.1", "host: localhost", "content-type: application/json"]
    head += [f"content-length: {len(body)}", *fields]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def calls_an_answer(app, turns):
    """Python and C calls within interlock.serve.http, in the last of several turns of the loop.

    ``turns`` holds the requests of each, one a connection.
    """
    found = Counter()

    def count(frame, event, _):
        if "/interlock/serve/http/" in frame.f_code.co_filename:
            found[event] += 1

    async def ask():
        owner = SimpleNamespace(
            now=0.0, date=b"", closing=False, opened=lambda _: True, closed=lambda _: None
        )
        ends = []
        for _ in turns[0]:
            ends.append((Connection(app, owner), Transport()))
            ends[-1][0].connection_made(ends[-1][1])
        for number, turn in enumerate(turns, 1):
            if number == len(turns):
                sys.setprofile(count)
            for (connection, _), request in zip(ends, turn, strict=True):
                connection.data_received(request)
            await asyncio.sleep(0)
            sys.setprofile(None)
        for connection, transport in ends:
            assert [sent[:13] for sent in transport.sent] == [b"HTTP/1.1 200 "] * len(turns)
            connection.connection_lost(None)

    asyncio.run(ask())
    n = len(turns[-1])
    return found["call"] / n, found["c_call"] / n


def test_an_answer_takes_no_more_calls_than_it_did(support, directory, tmp_path):
    plan = support.plan_for(directory)
    with PredictionLog.open(tmp_path / "log", "w0") as log:
        release = load(directory, plan, digest=directory.name)
        predictor = Predictor(release, log, plan, PredictionIds())
        live = SimpleNamespace(arms=Arms(predictor), predictor=predictor, status=dict, open=True)
        app = App(plan, live, log, None)
        body = support.request_body()
        same = [[post(body)] * CONNECTIONS] * 3
        new = [
            [post(body, f"x-request-id: {turn}-{n}") for n in range(CONNECTIONS)]
            for turn in range(3)
        ]
        python, c = calls_an_answer(app, same)
        assert (python <= 7.5, c <= 11.5) == (True, True), (python, c)
        python, c = calls_an_answer(app, [turn[:1] for turn in same])
        assert (python <= 14, c <= 14) == (True, True), (python, c)
        python, c = calls_an_answer(app, new)
        assert (python <= 36, c <= 53) == (True, True), (python, c)
