"""More clients than connections: whoever keeps one and asks nothing keeps no other out."""

import contextlib
import re
import socket

import plain_http

from interlock.serve.plan import Limits
from interlock.serve.workers.process import start

MOST = 40
JSON = {"content-type": "application/json"}
PAGE = b"GET /v1/health/live HTTP/1.1\r\nhost: localhost\r\n\r\n"


def kept_alive(connection):
    connection.sendall(PAGE)
    assert connection.recv(4_096).startswith(b"HTTP/1.1 ")


SILENT = (
    lambda connection: None,
    lambda connection: connection.sendall(PAGE[:-2]),
    kept_alive,
)


def test_silent_connections_keep_no_newcomer_out(support, place, tmp_path):
    """Nothing was sent, or a part of a head, or they are kept alive."""
    limits = Limits(connections=MOST, body_seconds=60)
    plan = support.plan_for(place.boosting, log=tmp_path / "log", limits=limits)
    body = support.request_body()
    head = b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    data = head + b"content-length: %d\r\n\r\n" % len(body) + body
    with start(plan) as service, contextlib.ExitStack() as open_:
        host, _, port = service.url.removeprefix("http://").rpartition(":")

        def connected():
            found = socket.create_connection((host, int(port)), timeout=60)
            return open_.enter_context(found)

        sending = connected()
        sending.sendall(data[:-1])
        for number in range(MOST - 1):
            SILENT[number % len(SILENT)](connected())
        for number in range(MOST + 10):
            found = plain_http.post(service.url + "/v1/predict", content=body, headers=JSON)
            assert found.status_code == 200
            SILENT[number % len(SILENT)](connected())
        sending.sendall(data[-1:])
        assert sending.recv(4_096).startswith(b"HTTP/1.1 200 "), "a request was under way there"
        text = plain_http.get(service.url + "/metrics").text
    (closed,) = re.findall(r'interlock_connections_displaced_total\{worker="w0"\} (\d+)', text)
    assert MOST + 10 <= int(closed) <= 2 * MOST + 25
