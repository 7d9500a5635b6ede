"""Heads that were read and let in before: the same bytes need not be read again.

A client sends nearly the same head with each request, and reading it takes longer than all else
that the edge does. A head is known by its bytes, all of them. What the parser and the door say of a
request is a function of these bytes alone (no clock, no load, no connection enters it), so where
they come again at the beginning of a request the answer is the same: let in, with a body of so many
bytes.

Rules: only what is plain is kept (HTTP/1.1 that goes on, a length, nothing expected, no upgrade, no
trace of its own) and only what was let in, so that nobody without the token puts anything here;
a bound on their number and their length, beyond which all are forgotten, or none is kept.

>>> heads = KnownHeads()
>>> data = b"POST /a HTTP/1.1\\r\\nhost: b\\r\\ncontent-length: 2\\r\\n\\r\\n{}"
>>> heads.learn(data, Request("POST", "/a", "", {"host": "b", "content-length": "2"}))
>>> heads.known[data[:-2]].length
2
"""

from __future__ import annotations

import msgspec

from interlock.serve.http.request import Headers, Request

END = b"\r\n\r\n"
MOST = 1_024
LONGEST = 1_024  # bytes
_PASSING = ("transfer-encoding", "expect", "traceparent", "tracestate")


class KnownHead(msgspec.Struct, frozen=True, gc=False):
    """What a head says: the length of the body behind it, and its request but for when it began."""

    length: int
    method: str
    path: str
    query: str
    headers: Headers


class KnownHeads:
    """What is ``known``, by the bytes of the whole head; of one application."""

    def __init__(self) -> None:
        self.known: dict[bytes, KnownHead] = {}

    def learn(self, data: bytes, request: Request) -> None:
        """Keep the head of a request that was let in and is the whole of ``data``, if it is plain.

        It goes on after its answer, in HTTP/1.1.
        """
        headers = request.headers
        length, connection = headers.get("content-length"), headers.get("connection")
        if length is None or not (connection is None or connection.lower() == "keep-alive"):
            return
        for name in _PASSING:
            if name in headers:
                return
        head, end, body = data.partition(END)
        n_bytes = len(body)
        if end and len(head) <= LONGEST and int(length) == n_bytes:
            if len(self.known) >= MOST:
                self.known.clear()
            self.known[head + end] = KnownHead(
                n_bytes, request.method, request.path, request.query, headers
            )
