"""One HTTP/1.1 connection on an event loop, read by llhttp (the parser of Node.js) by httptools.

It is as thin as it can be, for at one row a request this is where half of the time goes: no task
and no queue between the socket and :class:`~interlock.serve.http.app.App`.

Rules: requests of one connection are answered one after another, in their order; while one is
under way nothing more is read than had come with it; a head, a body and an answer each have their
bound and their time; what is no HTTP, or has a body that nobody wants, ends the connection after
its answer, for the end of such a request is anybody's guess.

The times are looked at by whoever owns the connections (:mod:`interlock.serve.http.listener`): a
timer for each request would cost more than it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from http import HTTPStatus
from typing import NoReturn, Protocol, cast

import httptools
import msgspec

from interlock.serve.errors import ServiceError
from interlock.serve.http.app import App, too_large, too_slow
from interlock.serve.http.head import (
    MOST_FIELDS,
    MOST_HEAD,
    ONCE,
    field_name,
    head_again,
    head_too_large,
    target_of,
    unsafe,
)
from interlock.serve.http.request import Request
from interlock.serve.http.response import Response

MOST_WAITING = 64  # requests sent before the first of them is answered
HEAD_SECONDS = 10.0  # until a request's head must have arrived
IDLE_SECONDS = 75.0  # without a request
WRITE_SECONDS = 60.0  # until an answer must have been taken
LINGER_SECONDS = 1.0  # for which what still comes is thrown away, so that the answer is read

_NEVER = float("inf")
_WIRE = 8  # bytes on the wire for one of a chunked body, at most
_STATUS = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLOSE, _ALIVE = b"connection: close\r\n", b"connection: keep-alive\r\n"


class Owner(Protocol):
    """Who owns connections: a coarse clock, and whether more are taken."""

    now: float  # seconds, monotonic
    date: bytes  # the Date field of answers, as a line
    closing: bool  # whether answers are the last of their connections

    def opened(self, connection: Connection) -> bool:
        """Whether there is room for one more."""

    def closed(self, connection: Connection) -> None:
        """It is gone."""


class _Message(msgspec.Struct, gc=False):
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


class _Enough(Exception):  # noqa: N818 - no error, but the way to stop the parser
    """Nothing more is read on this connection."""


class Connection(asyncio.Protocol):
    """One connection; ``deadline`` is when :meth:`overdue` is to be called."""

    def __init__(self, app: App, owner: Owner) -> None:
        self._app = app
        self._owner = owner
        self._parser = httptools.HttpRequestParser(self)
        self._line: deque[_Message] = deque()  # the first is the one being answered
        self._url = b""
        self._head: dict[str, str] = {}
        self._fields = 0
        self._in_message = False  # the parser is within a request
        self._in_head = False  # and has not seen the end of its head
        self._timed = ""  # the part of it that has a deadline: its head, its body
        self._size = 0  # bytes of its fields so far
        self._wire = 0  # bytes of that part that came
        self._at_once = 0  # requests begun by the bytes that came last
        self._behind = False  # something else came with its first bytes, before them
        self._bodiless = False  # an upgrade was offered with a request that has a body
        self._deaf = False  # what comes is thrown away
        self._ended = False  # nothing comes any more
        self._paused = False  # nothing is read from the socket
        self._stalled = False  # the other side does not take its answers
        self._transport: asyncio.Transport | None = None
        self.deadline = _NEVER

    # --- the transport's ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or say that there are too many."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        self.deadline = self._owner.now + IDLE_SECONDS
        if not self._owner.opened(self):
            self._refuse(ServiceError("S120", "too many connections are open; try again"))

    def connection_lost(self, error: Exception | None) -> None:
        """Let go of everything; an answer under way is made and logged, and thrown away."""
        self._transport = None
        self._deaf = True
        for message in self._line:
            if message.entered and message.early is None and not message.asked:
                self._app.leave()
        self._line.clear()
        self._owner.closed(self)
        del self._parser  # it refers to this connection as well

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        if self._deaf:
            return
        self._at_once = 0
        try:
            self._read(data)
        except httptools.HttpParserCallbackError as stopped:
            if not isinstance(stopped.__context__, _Enough):
                raise
        except httptools.HttpParserError:
            self._refuse(ServiceError("S140", "these bytes are no request that can be read"))
        if self._in_message and not self._deaf:
            self._await_more(len(data))

    def _read(self, data: bytes) -> None:
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
                self._parser.feed_data(head_again(self._line[-1].request))

    def eof_received(self) -> bool:
        """The other side sends no more, and may still read: what it asked whole is answered."""
        self._ended = self._deaf = True
        if self._line and not self._line[-1].whole:
            cut = self._line.pop()
            if cut.entered:
                self._app.leave()
        if not self._line:
            self.deadline = self._owner.now + WRITE_SECONDS
            return False
        self._line[-1].keep = False
        return True

    def pause_writing(self) -> None:
        """Answers are not taken as fast as they are made: make no more."""
        self._stalled = True
        self.deadline = self._owner.now + WRITE_SECONDS

    def resume_writing(self) -> None:
        """They are again."""
        self._stalled = False
        if self._deaf and not self._line:  # the last of them
            self._linger()
            return
        self.deadline, self._timed = _NEVER, ""
        self._advance()

    # --- the parser's ---------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request's first byte."""
        self._at_once += 1
        if self._at_once > MOST_WAITING or len(self._line) >= MOST_WAITING:
            if self._line:
                self._line[-1].keep = False
            else:  # pages are answered while they are read, and others wait meanwhile
                self._finish()
            self._stop_reading()
        self._in_message = self._in_head = True
        self._url, self._head, self._fields, self._size, self._wire = b"", {}, 0, 0, 0

    def on_url(self, part: bytes) -> None:
        """What is asked for, or a part of it."""
        self._url += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head; or of the trailer, of which nothing is kept."""
        self._fields += 1
        self._size += len(name) + len(value)
        if self._fields > MOST_FIELDS or self._size > MOST_HEAD:
            self._refuse_at_once(head_too_large())
        known = field_name(name)
        if not known or not self._in_head:
            return
        if known not in self._head:
            self._head[known] = value.decode("latin-1").strip(" \t")
        elif known in ONCE:
            self._refuse_at_once(ServiceError("S140", f"the request has two {known} fields"))

    def on_headers_complete(self) -> None:
        """The end of a request's head."""
        if self._size + len(self._url) > MOST_HEAD:
            self._refuse_at_once(head_too_large())
        head, parser = self._head, self._parser
        keep = parser.should_keep_alive()  # without being asked for it, in 1.1 alone
        version = "1.1" if keep and "connection" not in head else parser.get_http_version()
        if (wrong := unsafe(version, head)) is not None:
            self._refuse_at_once(ServiceError("S140", wrong))
        if version == "1.0":
            head.pop("expect", None)
        try:
            path, query = target_of(self._url, head)
        except httptools.HttpParserInvalidURLError:
            self._refuse_at_once(ServiceError("S140", "the request's target cannot be read"))
        request = Request(parser.get_method().decode("latin-1"), path, query, head)
        self._bodiless = parser.should_upgrade() and request.has_body
        keep = keep and request.method != "CONNECT"
        message = _Message(request, keep=keep, old=version == "1.0")
        self._in_head, self._timed, self._wire, self._fields, self._size = False, "", 0, 0, 0
        self._line.append(message)
        if len(self._line) == 1:
            self._enter(message)
            if message.early is not None and message.request.has_body:
                self._advance()
                self._stop_reading()
        elif not self._paused:
            self._pause()

    def on_body(self, data: bytes) -> None:
        """A part of a request's body."""
        message = self._line[-1]
        if not message.body:
            message.body = data
        else:  # in one piece: small parts would weigh many times what they hold
            if isinstance(message.body, bytes):
                message.body = bytearray(message.body)
            message.body += data
        if len(message.body) > self._app.limits.body_bytes:
            self._refuse_at_once(too_large(self._app.limits.body_bytes))

    def on_message_complete(self) -> None:
        """The end of a request."""
        if self._bodiless:  # the parser has not read its body
            return
        self._in_message, self._timed, self._behind = False, "", True
        self._line[-1].complete = True
        if len(self._line) == 1:
            self._advance()
            if self._deaf:  # that was the last answer
                raise _Enough

    # --- what is not read -----------------------------------------------------------------------

    def _refuse_at_once(self, error: ServiceError) -> NoReturn:
        self._refuse(error)
        self._stop_reading()

    def _stop_reading(self) -> NoReturn:
        """Within the parser: end it."""
        self._deaf = True
        raise _Enough

    def _refuse(self, error: ServiceError) -> None:
        """Answer what is being read with a refusal, after all that is before it in the line."""
        self._deaf = True
        if self._in_message and not self._in_head and not self._line[-1].complete:
            message = self._line[-1]
        elif self._line and not self._line[-1].keep:  # that answer is the last
            return
        else:
            message = _Message(Request("", "", "", {}), keep=False)
            message.entered, message.early = True, self._app.malformed(error)
            self._line.append(message)
        message.refusal, message.keep = error, False
        if message is self._line[0]:
            self._advance()

    def _await_more(self, n_bytes: int) -> None:
        """Part of a request has come: the rest has its bound and its time."""
        if self._behind:
            self._behind = False
        else:
            self._wire += n_bytes
        if self._in_head:
            if self._wire > 2 * MOST_HEAD:  # one field without an end; others are counted above
                self._refuse(head_too_large())
                return
        elif self._wire > MOST_HEAD + _WIRE * self._app.limits.body_bytes:  # chunks of nothing
            self._refuse(too_large(self._app.limits.body_bytes))
            return
        self._time()

    def _time(self) -> None:
        """Give what is being read its deadline, unless others are before it in the line."""
        part, before = ("head", 0) if self._in_head else ("body", 1)
        if self._timed != part and len(self._line) == before and not self._stalled:
            self._timed = part
            seconds = HEAD_SECONDS if self._in_head else self._app.limits.body_seconds
            self.deadline = self._owner.now + seconds

    def overdue(self) -> None:
        """The deadline has passed."""
        self.deadline = _NEVER
        transport = self._transport
        if transport is None:
            return
        if self._stalled or transport.is_closing():
            transport.abort()
        elif self._deaf or not self._in_message:
            self._close(transport)
        elif self._in_head:
            self._refuse(ServiceError("S128", "the request's head did not arrive in time"))
        else:
            self._refuse(too_slow())

    # --- one request after another --------------------------------------------------------------

    def _enter(self, message: _Message) -> None:
        """Ask whether the first in line is wanted."""
        message.early = self._app.enter(message.request)
        message.entered = True
        expected = message.request.headers.get("expect")
        if expected is None or expected.lower() != "100-continue":
            return
        if message.early is None and not message.complete and message.request.has_body:
            self._write(_CONTINUE)

    def _advance(self) -> None:
        """Answer the first in line, if it is all there; then the next."""
        while self._line and not self._stalled:
            message = self._line[0]
            if not message.entered:
                self._enter(message)
            if message.early is None and message.refusal is not None:
                message.early = self._app.refuse(message.request, message.refusal)
            if message.early is not None:
                unread = message.refusal is not None or message.request.has_body
                if not unread and not message.complete:
                    return
                self._line.popleft()
                self._say(message, message.early, last=unread)
                continue
            if message.complete and not message.asked:
                message.asked = True
                self.deadline = _NEVER
                body, message.body = bytes(message.body), b""
                self._app.answer(message.request, body, self._answered)
            if message.asked:
                return
            break
        if not self._stalled and not self._deaf:
            self._rest()

    def _answered(self, response: Response) -> None:
        """The first in line has its answer."""
        if self._transport is not None:
            self._say(self._line.popleft(), response, last=False)
            self._advance()

    def _rest(self) -> None:
        """No answer is under way: the next request may come, or the rest of one."""
        if self._paused:
            self._resume()
        if self._in_message:
            self._time()
        else:
            self.deadline = self._owner.now + IDLE_SECONDS

    def _say(self, message: _Message, response: Response, *, last: bool) -> None:
        """Send an answer; after the ``last`` one the connection ends."""
        reply, fields = response
        last = last or not message.keep or (self._owner.closing and not self._line)
        how = _CLOSE if last else _ALIVE if message.old else b""
        head = b"%b%b%b%bcontent-length: %d\r\n\r\n" % (
            _STATUS[reply.status],
            self._owner.date,
            fields.lines,
            how,
            len(reply.body),
        )
        self._write(head if message.request.method == "HEAD" else head + reply.body)
        if last:
            self._finish()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _finish(self) -> None:
        """End the connection once the other side has read what was sent.

        To close it while unread bytes come in would make the system throw the answer away.
        """
        transport = self._transport
        for message in self._line:
            if message.entered and message.early is None:
                self._app.leave()
        self._line.clear()
        self._deaf = True
        if transport is None or transport.is_closing():
            return
        if self._ended or not transport.can_write_eof():
            self._close(transport)
            return
        transport.write_eof()
        self._linger()
        if self._paused:
            self._resume()

    def _linger(self) -> None:
        """Wait for the other side to close; while it has not taken its answers, for that."""
        transport = self._transport
        if transport is not None and not transport.is_closing() and not self._stalled:
            self.deadline = self._owner.now + LINGER_SECONDS

    def _close(self, transport: asyncio.Transport) -> None:
        """Close once the other side has taken what was sent, for which it has its time."""
        transport.close()
        self.deadline = self._owner.now + WRITE_SECONDS

    def end(self) -> None:
        """The service stops: answer what is under way and then close."""
        transport = self._transport
        if transport is None or transport.is_closing() or self._line or self._in_message:
            return
        self._close(transport)

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _pause(self) -> None:
        if self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()


class _Within:
    """The callbacks of a parser that begins within a request, whose head is known."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known = True
        self.on_body = connection.on_body
        self.on_message_complete = connection.on_message_complete

    def on_message_begin(self) -> None:
        if not self._known:
            self._connection.on_message_begin()

    def on_url(self, part: bytes) -> None:
        if not self._known:
            self._connection.on_url(part)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._known:
            self._connection.on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self._known:
            self._connection.on_headers_complete()
        self._known = False
