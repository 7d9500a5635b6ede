import socket
import threading
from itertools import count

import pytest

from interlock.gates.service.latency import FEWEST_WINDOWS
from interlock.pipeline.probes.latency import measure_latency

GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@pytest.fixture
def serve():
    """A service that gives these bytes to every request, in the given pieces."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run(answers):
        def work():
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection:
                for answer in answers:
                    if not connection.recv(65_536):
                        return
                    for piece in answer:
                        connection.sendall(piece)

        threading.Thread(target=work, daemon=True).start()
        return listener.getsockname()[1]

    yield run
    listener.close()


def measure(port, **options):
    options = {"budget_seconds": 60.0, **options}
    return measure_latency("127.0.0.1", port, [{"x": 1}], window_requests=20, **options)


def test_windows_are_measured_one_request_at_a_time(serve):
    found = measure(serve([[GOOD]] * 1_000), windows=7)
    assert [window.n for window in found.windows] == [20] * 7
    assert all(0 < w.p50_seconds <= w.p99_seconds for w in found.windows)
    assert (found.unanswered, found.problem) == (0, "")


def test_an_answer_in_pieces_is_one_answer(serve):
    pieces = [GOOD[:5], GOOD[5:39], GOOD[39:]]
    assert len(measure(serve([pieces] * 1_000), windows=2).windows) == 2


@pytest.mark.parametrize(
    ("budget", "windows"),
    [
        (50.0, 13),  # as many as the budget lasts
        (10.0, FEWEST_WINDOWS),  # a busy machine is given time for as many as a verdict needs
        (5.0, 4),  # but not for ever
    ],
)
def test_the_budget_ends_the_measurement(serve, monkeypatch, budget, windows):
    """By a clock of which a window of 20 requests takes 4.1 s."""
    ticks = (number / 10 for number in count())
    monkeypatch.setattr("interlock.pipeline.probes.latency.monotonic", lambda: next(ticks))
    found = measure(serve([[GOOD]] * 10_000), windows=50, budget_seconds=budget)
    assert len(found.windows) == windows


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (b"HTTP/1.1 503 Unavailable\r\ncontent-length: 2\r\n\r\n{}", "503"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "no length"),
    ],
)
def test_a_wrong_answer_voids_the_measurement(serve, bad, problem):
    found = measure(serve([[GOOD]] * 150 + [[bad]]), windows=7)
    assert (found.windows, found.unanswered) == ((), 1)
    assert problem in found.problem


def test_a_service_that_is_gone_voids_it_too(serve):
    assert measure(serve([[GOOD]] * 130), windows=7).unanswered == 1
    assert measure_latency("127.0.0.1", 9, [{"x": 1}]).unanswered == 1
