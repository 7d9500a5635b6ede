"""Who sends a body slowly keeps nobody else from being answered, and little of the memory."""

import contextlib
import os
import socket
import subprocess
import sys

import plain_http
import pytest
from service_runs import wait_for

from interlock.serve.plan import Limits, plan_bytes
from interlock.serve.workers.process import start

JSON = {"content-type": "application/json"}
PLACES = 4  # requests in flight
SLOW = 40  # clients
LIMITS = Limits(in_flight=PLACES, body_seconds=60.0, kept_bytes=1 << 20)


@pytest.fixture(scope="module", params=["interlock", "granian", "asgi"])
def url(request, support, place, tmp_path_factory):
    """A service of few places, under each server that carries it."""
    root = tmp_path_factory.mktemp(request.param)
    server = "granian" if request.param == "granian" else "interlock"
    plan = support.plan_for(place.boosting, log=root / "log", limits=LIMITS, server=server)
    if request.param != "asgi":
        with start(plan) as service:
            yield service.url
        return
    (root / "plan.json").write_bytes(plan_bytes(plan))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(200)
        number = listening.fileno()
        command = [sys.executable, "-m", "uvicorn", "--factory", "interlock.serve.asgi:create"]
        process = subprocess.Popen(
            [*command, "--fd", str(number), "--log-level", "error"],
            env={**os.environ, "INTERLOCK_PLAN": str(root / "plan.json")},
            pass_fds=[number],
        )
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    process.terminate()
    assert process.wait(60) in (0, -15)


@contextlib.contextmanager
def clients(url, data, n):
    """So many connections on each of which that is sent."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(n):
            found.append(
                stack.enter_context(socket.create_connection((host, int(port)), timeout=60))
            )
            found[-1].sendall(data)
        yield found


def head(length):
    return (
        b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        + length
        + b"\r\n\r\n"
    )


def status(url):
    return plain_http.get(url + "/v1/status").json()


def nothing_waits(url):
    found = status(url)
    return found["waiting_bytes"] == found["in_flight"] == 0


def answered(url, body):
    """An honest client is answered, again and again, on connections of its own."""
    for _ in range(3):
        found = plain_http.post(url + "/v1/predict", content=body, headers=JSON)
        assert found.status_code == 200, found.text


@pytest.mark.parametrize(
    "data", [head(b"content-length: 500") + b"{", head(b"transfer-encoding: chunked") + b"1\r\n{"]
)
def test_more_slow_bodies_than_places_keep_nobody_waiting(url, support, data):
    with clients(url, data, SLOW) as slow:
        answered(url, support.request_body())
        assert status(url)["in_flight"] == 0
        for one in slow:
            one.setblocking(False)
            with pytest.raises(BlockingIOError):  # none of them was sent away
                one.recv(1)
    wait_for(lambda: nothing_waits(url))  # Granian gives a body that broke off as a whole one
    answered(url, support.request_body())


def test_slow_bodies_keep_no_more_memory_than_their_bound(url, support):
    """The largest are refused; whoever keeps little, or sends at once, is not."""
    body = support.request_body()
    small = head(b"content-length: %d" % len(body)) + body[:10]
    large = head(b"content-length: 200000") + b" " * 190_000
    with clients(url, small, 2) as patient, clients(url, large, 8) as greedy:
        wait_for(lambda: sum(refused(one) for one in greedy) >= 3)
        assert 0 < status(url)["waiting_bytes"] <= LIMITS.kept_bytes
        answered(url, body)
        for one in patient:
            one.sendall(body[10:])
            assert one.recv(65_536).startswith(b"HTTP/1.1 200 ")


def refused(connection):
    """Whether it was sent away for what it keeps."""
    connection.settimeout(0.01)
    try:
        return b"HTTP/1.1 503 " in connection.recv(65_536, socket.MSG_PEEK)
    except TimeoutError:
        return False
    except ConnectionError:
        return True
