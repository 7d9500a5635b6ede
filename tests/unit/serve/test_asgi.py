"""What an ASGI server says of a request is what was sent, and all of it."""

import asyncio

import pytest

from interlock.serve.asgi import AsgiApp
from interlock.serve.errors import ServiceError
from interlock.serve.http.kept import KeptBodies
from interlock.serve.http.response import json_response, refused
from interlock.serve.http.uploads import Uploads
from interlock.serve.plan import Limits

BODY = {"type": "http.request", "body": b"{}", "more_body": True}
END = {"type": "http.request", "body": b" "}
GONE = {"type": "http.disconnect"}


class Service:
    """Says what it was asked."""

    def __init__(self):
        self.uploads = Uploads(Limits(body_bytes=10), KeptBodies(100))

    async def respond(self, request, body):
        try:
            read = await self.uploads.read(request, body)
            self.asked = (request.method, request.path, request.query, read)
        except ServiceError as error:
            return refused(error)
        return json_response(b"1")


def asked(*messages, **scope):
    service, sent, waiting = Service(), [], list(messages)

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    given = {"type": "http", "method": "POST", "path": "/a/b", "query_string": b"", "headers": []}
    asyncio.run(AsgiApp(lambda stack: service)(given | scope, receive, send))
    return getattr(service, "asked", None), sent[0]["status"]


def test_a_path_is_read_as_it_was_sent():
    found = asked(END, path="/v1/predict", raw_path=b"/v1%2Fpredict", query_string=b"a=b")
    assert found == (("POST", "/v1%2Fpredict", "a=b", b" "), 200)
    for not_told in ({}, {"raw_path": None}):
        assert asked(END, **not_told) == (("POST", "/a/b", "", b" "), 200)


@pytest.mark.parametrize(
    ("messages", "status"), [([BODY, END], 200), ([BODY, GONE], 400), ([BODY] * 6 + [END], 413)]
)
def test_a_body_is_read_whole_or_not_at_all(messages, status):
    found, code = asked(*messages)
    assert (code, found is None) == (status, status != 200)
