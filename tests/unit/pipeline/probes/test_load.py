"""The load generator against services of a few lines: what waits behind a stall is late."""

import asyncio
import threading
from itertools import count

import pytest

from interlock.pipeline.probes import load
from interlock.pipeline.probes.load import Wanted, measure_load

GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


class Service:
    """Answers as told on an event loop of its own: ``answer(number)`` gives (seconds, bytes)."""

    def __init__(self, answer):
        self._answer, self.asked, self.port = answer, 0, 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(30)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    async def _serve(self, reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split()[0]))
            self.asked += 1
            seconds, data = self._answer(self.asked)
            await asyncio.sleep(seconds)
            if data is None:
                writer.close()
                return
            writer.write(data)

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


@pytest.fixture
def serve():
    made = []

    def make(answer):
        made.append(Service(answer))
        return made[-1]

    yield make
    for service in made:
        service.stop()


def measured(service, *wanted, connections=4):
    return measure_load(
        "127.0.0.1", service.port, [{"x": 1}], wanted or [Wanted(rate=200, limit_seconds=0.2)],
        connections=connections, judged_seconds=0.5, shown_seconds=0.1,
    )  # fmt: skip


def counts(step):
    return [sum(getattr(w, name) for w in step.windows) for name in ("n", "late", "unanswered")]


@pytest.fixture
def patient(monkeypatch):
    """What is answered late is waited for, and a busy machine counts as one that keeps up."""
    monkeypatch.setattr(load, "_GRACE_SECONDS", 60.0)
    monkeypatch.setattr(load, "_KEEPS_UP", 0.0)
    monkeypatch.setattr(load, "HIGHEST_RATE", 1_600)


@pytest.mark.usefixtures("patient")
def test_as_many_requests_are_due_as_the_rate_says_whatever_is_answered(serve):
    found = measured(serve(lambda number: (0, GOOD)), Wanted(rate=400, limit_seconds=60.0))
    (judged,) = [step for step in found if step.judged]
    assert judged.offered == 400
    assert counts(judged) == [800, 0, 0]
    assert judged.seconds == 2.0
    assert len(judged.windows) == 12
    assert 0 < judged.p50_seconds <= judged.p99_seconds
    assert [step.offered for step in found] == [200, 400, 800, 1_600]


@pytest.mark.usefixtures("patient")
def test_a_stall_makes_all_late_that_had_to_wait_behind_it(serve):
    stall = {200: 0.8}  # the rest of the warm-up and the first step is before it
    service = serve(lambda number: (stall.get(number, 0), GOOD))
    found = measured(service, connections=1)
    (judged,) = [step for step in found if step.judged]
    n, late, unanswered = counts(judged)
    assert n == 800
    assert late > 50, "one request stalled; those that were due meanwhile are late as well"
    assert unanswered == 0


def test_what_is_refused_or_lost_is_not_answered(serve):
    refusal = b"HTTP/1.1 503 Unavailable\r\ncontent-length: 2\r\n\r\n{}"
    found = measured(serve(lambda number: (0, refusal if number % 2 else GOOD)))
    (judged,) = [step for step in found if step.judged]
    n, late, unanswered = counts(judged)
    assert n == 800
    assert late >= unanswered > 350
    assert judged.problem.startswith("HTTP/1.1 503")
    lost = measured(serve(lambda number: (0, GOOD if number < 150 else None)))
    (judged,) = [step for step in lost if step.judged]
    assert counts(judged)[2] > 700
    assert judged.problem


def test_nobody_there_is_no_answer(serve):
    found = measure_load(
        "127.0.0.1", 9, [{"x": 1}], [Wanted(rate=4_000, limit_seconds=1)], judged_seconds=0.01
    )
    assert all(counts(step)[0] == counts(step)[2] for step in found)
    assert measure_load("127.0.0.1", 9, [], [Wanted(rate=20, limit_seconds=1)]) == ()
    assert measure_load("127.0.0.1", 9, [{"x": 1}], []) == ()


def test_load_ends_when_it_is_told_to(serve):
    service, wanted = serve(lambda number: (0.0, GOOD)), Wanted(rate=20, limit_seconds=0.2)
    sent = count()  # whether it is told to stop is asked before each
    steps = measure_load(
        "127.0.0.1", service.port, [{"a": 1}], [wanted], stop=lambda: next(sent) >= 10
    )
    assert service.asked == 10
    judged = next(step for step in steps if step.judged)
    assert sum(window.unanswered for window in judged.windows) == 800
