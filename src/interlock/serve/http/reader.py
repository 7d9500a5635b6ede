"""Requests out of a connection's bytes, read by llhttp (the parser of Node.js) by httptools.

Rules:

- llhttp decides what is a request, in its strict mode; what it passes and others would read
  otherwise is refused (:mod:`interlock.serve.http.head`), and so is what it refuses;
- a head has its bound in bytes and fields, and a body in bytes; both also on the wire, for chunks
  may hold nothing;
- the reader gives no answers: who takes the requests (:class:`Taker`) does, and may end the reading
  by raising :class:`Enough` from what it is called with.
"""

from __future__ import annotations

from typing import NoReturn, Protocol

import httptools
import msgspec

from interlock.serve.errors import ServiceError
from interlock.serve.http.head import (
    FIELDS,
    MOST_FIELDS,
    MOST_HEAD,
    ONCE,
    head_again,
    head_too_large,
    target_of,
    unsafe,
)
from interlock.serve.http.kept import too_large
from interlock.serve.http.request import Request
from interlock.serve.http.response import Response

_WIRE = 8  # bytes on the wire for one of a chunked body, at most


class Message(msgspec.Struct, gc=False):
    """A request under way: its head, and what has come of its body.

    ``keep``: the connection goes on after its answer; ``old``: its sender must be told so.
    ``early`` is its answer where its head decides, ``refusal`` why its body could not be read.
    """

    request: Request
    keep: bool
    old: bool = False
    body: bytes | bytearray = b""
    complete: bool = False
    entered: bool = False
    asked: bool = False
    early: Response | None = None
    refusal: ServiceError | None = None

    @property
    def whole(self) -> bool:
        """Whether it gets an answer though nothing more comes."""
        return self.complete or self.early is not None or self.refusal is not None


class Enough(Exception):  # noqa: N818 - no error, but the way to stop the parser
    """Nothing more is to be read."""


class _Refused(Exception):  # noqa: N818 - the way out of the parser
    """What is being read is refused."""

    def __init__(self, error: ServiceError) -> None:
        super().__init__(error)
        self.error = error


class Taker(Protocol):
    """Who takes requests as they are read; each call may raise Enough."""

    def beginning(self, n_at_once: int) -> None:
        """Another request begins, the so many-th within the bytes that came last."""

    def begun(self, message: Message) -> None:
        """Its head has come."""

    def completed(self) -> None:
        """All of the last that had begun has come."""


class Reader:
    """The reading end of one connection; ``taker`` takes what it reads.

    ``in_message``: within a request, ``in_head``: and within its head; ``part`` counts heads and
    bodies as they begin.
    """

    def __init__(self, taker: Taker, most: int) -> None:
        self.in_message = self.in_head = False
        self.part = 0
        self._taker = taker
        self._most = most  # bytes of a body
        self._parser = httptools.HttpRequestParser(self)
        self._message: Message
        self._url = b""
        self._head: dict[str, str] = {}
        self._fields = 0
        self._size = 0  # bytes of its fields so far
        self._wire = 0  # bytes of the part under way that came
        self._at_once = 0  # requests begun by the bytes that came last
        self._behind = False  # they ended another request first
        self._bodiless = False  # an upgrade was offered with a request that has a body

    def read(self, data: bytes) -> ServiceError | None:
        """Read what came; why it is refused, if it is."""
        self._at_once, self._behind = 0, False
        try:
            self._parse(data)
        except httptools.HttpParserCallbackError as stopped:
            why = stopped.__context__
            if isinstance(why, _Refused):
                return why.error
            if not isinstance(why, Enough):
                raise
            return None
        except httptools.HttpParserError:
            return ServiceError("S140", "these bytes are no request that can be read")
        return self._bounded(len(data)) if self.in_message else None

    def close(self) -> None:
        """Nothing more comes."""
        del self._parser  # it refers to this reader, and that to the connection
        del self._taker

    def _parse(self, data: bytes) -> None:
        """Parse, in HTTP/1.1 also where another protocol is offered, as a server may go on.

        Java's HTTP client offers HTTP/2 with its first request. The parser takes what follows for
        the other protocol, a body too, so a new one goes on from there.
        """
        rest: bytes | memoryview = data
        while True:
            try:
                self._parser.feed_data(rest)
            except httptools.HttpParserUpgrade as offered:
                rest = memoryview(rest)[offered.args[0] :]
            else:
                return
            self._parser = httptools.HttpRequestParser(_Within(self) if self._bodiless else self)
            if self._bodiless:
                self._bodiless = False
                self._parser.feed_data(head_again(self._message.request))

    def _bounded(self, n_bytes: int) -> ServiceError | None:
        """Part of a request has come: what is on the wire has its bound, too."""
        if not self._behind:
            self._wire += n_bytes
        if self.in_head:
            # one field without an end; others are counted as they come
            return head_too_large() if self._wire > 2 * MOST_HEAD else None
        too_much = self._wire > MOST_HEAD + _WIRE * self._most  # chunks of nothing
        return too_large(self._most) if too_much else None

    # --- the parser's ---------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request's first byte."""
        self._at_once += 1
        self._taker.beginning(self._at_once)
        self.in_message = self.in_head = True
        self.part += 1
        self._url, self._head, self._fields, self._size, self._wire = b"", {}, 0, 0, 0

    def on_url(self, part: bytes) -> None:
        """What is asked for, or a part of it."""
        self._url += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head; or of the trailer, of which nothing is kept."""
        self._fields += 1
        self._size += len(name) + len(value)
        if self._fields > MOST_FIELDS or self._size > MOST_HEAD:
            _refuse(head_too_large())
        known = FIELDS.get(name)
        if known is None:
            known = FIELDS.get(name.lower(), "")
        if not known or not self.in_head:
            return
        if known not in self._head:
            self._head[known] = value.decode("latin-1").strip(" \t")
        elif known in ONCE:
            _refuse(ServiceError("S140", f"the request has two {known} fields"))

    def on_headers_complete(self) -> None:
        """The end of a request's head."""
        if self._size + len(self._url) > MOST_HEAD:
            _refuse(head_too_large())
        head, parser = self._head, self._parser
        keep = parser.should_keep_alive()  # without being asked for it, in 1.1 alone
        version = "1.1" if keep and "connection" not in head else parser.get_http_version()
        if (wrong := unsafe(version, head)) is not None:
            _refuse(ServiceError("S140", wrong))
        if version == "1.0":
            head.pop("expect", None)
        try:
            path, query = target_of(self._url, head)
        except httptools.HttpParserInvalidURLError:
            _refuse(ServiceError("S140", "the request's target cannot be read"))
        request = Request(parser.get_method().decode("latin-1"), path, query, head)
        self._bodiless = parser.should_upgrade() and request.has_body
        keep = keep and request.method != "CONNECT"
        self.in_head, self._wire, self._fields, self._size = False, 0, 0, 0
        self.part += 1
        self._message = Message(request, keep=keep, old=version == "1.0")
        self._taker.begun(self._message)

    def on_body(self, data: bytes) -> None:
        """A part of a request's body."""
        message = self._message
        if not message.body:
            message.body = data
        else:  # in one piece: small parts would weigh many times what they hold
            if isinstance(message.body, bytes):
                message.body = bytearray(message.body)
            message.body += data
        if len(message.body) > self._most:
            _refuse(too_large(self._most))

    def on_message_complete(self) -> None:
        """The end of a request."""
        if self._bodiless:  # the parser has not read its body
            return
        self.in_message, self._behind = False, True
        self._message.complete = True
        self._taker.completed()


def _refuse(error: ServiceError) -> NoReturn:
    """Within the parser: end it."""
    raise _Refused(error)


class _Within:
    """The callbacks of a parser that begins within a request, whose head is known."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known = True
        self.on_body = reader.on_body
        self.on_message_complete = reader.on_message_complete

    def on_message_begin(self) -> None:
        if not self._known:
            self._reader.on_message_begin()

    def on_url(self, part: bytes) -> None:
        if not self._known:
            self._reader.on_url(part)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._known:
            self._reader.on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self._known:
            self._reader.on_headers_complete()
        self._known = False
