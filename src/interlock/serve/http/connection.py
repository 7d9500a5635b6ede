"""One HTTP/1.1 connection on an event loop: who asks on it, in which order it answers, until when.

It is as thin as it can be, for at one row a request this is where much of the time goes: no task
and no queue between the socket and :class:`~interlock.serve.http.app.App`. What comes is read by
:mod:`interlock.serve.http.reader`, and not even that where the same head has come before
(:mod:`interlock.serve.http.known_heads`).

Rules: requests of one connection are answered one after another, in their order; while one is
under way nothing more is read than had come with it; a head, a body and an answer each have their
time; bodies that wait for their rest, or behind others, have their bound with those of all others
(:mod:`interlock.serve.http.kept`); what is no HTTP, or has a body that nobody wants, ends the
connection after its answer, for the end of such a request is anybody's guess.

The times are looked at by whoever owns the connections (:mod:`interlock.serve.http.listener`): a
timer for each request would cost more than it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from http import HTTPStatus
from typing import NoReturn, Protocol, cast

from interlock.serve.errors import ServiceError
from interlock.serve.http.app import App
from interlock.serve.http.kept import too_many_kept, too_slow
from interlock.serve.http.known_heads import END
from interlock.serve.http.reader import Enough, Message, Reader
from interlock.serve.http.request import Request
from interlock.serve.http.response import Response

MOST_WAITING = 64  # requests sent before the first of them is answered
HEAD_SECONDS = 10.0  # until a request's head must have arrived
IDLE_SECONDS = 75.0  # without a request
WRITE_SECONDS = 60.0  # until an answer must have been taken
LINGER_SECONDS = 1.0  # for which what still comes is thrown away, so that the answer is read
TAKING_SECONDS = 5.0  # that who takes an answer may wait longer than who asks nothing

_STRANGE = 64  # requests of heads that are all new, until it is taken that every one will be
_NEVER = float("inf")
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


class Connection(asyncio.Protocol):
    """One connection; ``deadline`` is when :meth:`overdue` is to be called."""

    def __init__(self, app: App, owner: Owner) -> None:
        self._app = app
        self._owner = owner
        self._known = app.heads.known
        self._reader = Reader(self, app.limits.body_bytes)
        self._line: deque[Message] = deque()  # the first is the one being answered
        self._timed = 0  # the part of a request that has a deadline
        self._strange = 0  # requests one after another of which no head was known
        self._keeps = False  # bodies wait here
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
        self._drop()
        self._owner.closed(self)
        self._reader.close()

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        if self._deaf:
            return
        begins = not (self._line or self._reader.in_message)
        if begins and self._strange < _STRANGE and not self._stalled:
            end = data.find(END) + len(END)
            known = self._known.get(data[:end])
            if known is not None and len(data) - end == known.length:
                request = Request(known.method, known.path, known.query, known.headers)
                self._line.append(
                    Message(request, keep=True, complete=True, entered=True, asked=True)
                )
                self.deadline = _NEVER
                self._strange = 0
                response = self._app.answer(request, data[end:], self._answered)
                if response is not None:
                    self._answered(response)
                return
        error = self._reader.read(data)
        if error is not None:
            self._refuse(error)
        elif self._reader.in_message and not self._deaf:
            self._time()
        elif begins and self._strange < _STRANGE and self._line:
            self._learn(data, self._line[0])
        if self._reader.in_message or self._paused or self._stalled:
            self._count()

    def _learn(self, data: bytes, message: Message) -> None:
        """That is the whole of a request: another of the same head need not be read."""
        self._strange += 1
        if message.asked and message.keep and not message.old:
            self._app.heads.learn(data, message.request)

    def eof_received(self) -> bool:
        """The other side sends no more, and may still read: what it asked whole is answered."""
        self._ended = self._deaf = True
        if self._line and not self._line[-1].whole:
            self._line.pop()
            self._count()
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
        self.deadline, self._timed = _NEVER, 0
        self._advance()

    # --- the reader's ---------------------------------------------------------------------------

    def beginning(self, n_at_once: int) -> None:
        """A request's first byte: too many at once end the connection after those before."""
        if n_at_once <= MOST_WAITING and len(self._line) < MOST_WAITING:
            return
        if self._line:
            self._line[-1].keep = False
        else:  # pages are answered while they are read, and others wait meanwhile
            self._finish()
        self._stop_reading()

    def begun(self, message: Message) -> None:
        """A request's head: its body is read if the head is let in, once it is the first."""
        self._line.append(message)
        if len(self._line) == 1:
            self._enter(message)
            if message.early is not None and message.request.has_body:
                self._advance()
                self._stop_reading()
        elif not self._paused:
            self._pause()

    def completed(self) -> None:
        """All of a request."""
        if len(self._line) == 1:
            self._advance()
            if self._deaf:  # that was the last answer
                raise Enough

    def _stop_reading(self) -> NoReturn:
        self._deaf = True
        raise Enough

    # --- what is not read -----------------------------------------------------------------------

    def _refuse(self, error: ServiceError) -> None:
        """Answer what is being read with a refusal, after all that is before it in the line."""
        self._deaf = True
        reader = self._reader
        if reader.in_message and not reader.in_head and not self._line[-1].complete:
            message = self._line[-1]
        elif self._line and not self._line[-1].keep:  # that answer is the last
            return
        else:
            message = Message(Request("", "", "", {}), keep=False)
            message.entered, message.early = True, self._app.malformed(error)
            self._line.append(message)
        message.refusal, message.keep, message.body = error, False, b""
        if message is self._line[0]:
            self._advance()

    def give_way(self) -> None:
        """Let go of bodies that wait here: of one that is waited for, or of those behind another.

        What is behind an answer that nobody takes goes with it.
        """
        self._keeps = False
        if self._stalled:
            self._drop()
            self.abort()
        elif self._line[0].asked:
            while len(self._line) > 1:
                self._line.pop()
            self._line[0].keep = False
            self._deaf = True
        else:
            self._refuse(too_many_kept())

    def _count(self) -> None:
        """Say how many bytes of bodies wait here."""
        n_bytes = sum(len(message.body) for message in self._line)
        if n_bytes or self._keeps:
            self._keeps = n_bytes > 0
            self._app.kept.hold(self, n_bytes)

    def _drop(self) -> None:
        """Nothing more is read, and nobody waits for an answer."""
        self._line.clear()
        self._deaf = True
        if self._keeps:
            self._count()

    def _time(self) -> None:
        """Give what is being read its deadline, unless others are before it in the line."""
        reader = self._reader
        before = 0 if reader.in_head else 1
        if self._timed != reader.part and len(self._line) == before and not self._stalled:
            self._timed = reader.part
            seconds = HEAD_SECONDS if reader.in_head else self._app.limits.body_seconds
            self.deadline = self._owner.now + seconds

    def overdue(self) -> None:
        """The deadline has passed."""
        self.deadline = _NEVER
        transport = self._transport
        if transport is None:
            return
        if self._stalled or transport.is_closing():
            transport.abort()
        elif self._deaf or not self._reader.in_message:
            self._close(transport)
        elif self._reader.in_head:
            self._refuse(ServiceError("S128", "the request's head did not arrive in time"))
        else:
            self._refuse(too_slow())

    # --- one request after another --------------------------------------------------------------

    def _enter(self, message: Message) -> None:
        """Ask whether the first in line is wanted."""
        message.early = self._app.enter(message.request)
        message.entered = True
        expected = message.request.headers.get("expect")
        if expected is None or expected.lower() != "100-continue":
            return
        if message.early is None and not message.complete and message.request.has_body:
            transport = self._transport
            if transport is not None and not transport.is_closing():
                transport.write(_CONTINUE)

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
            if message.asked:
                return
            if not message.complete:
                break
            response = self._ask(message)
            if response is None:
                return
            self._say(self._line.popleft(), response, last=False)
        if not self._stalled and not self._deaf:
            self._rest()

    def _ask(self, message: Message) -> Response | None:
        """Hand the first in line over; its answer, where it is known at once."""
        message.asked = True
        self.deadline = _NEVER
        body, message.body = bytes(message.body), b""
        if self._keeps:
            self._count()
        return self._app.answer(message.request, body, self._answered)

    def _answered(self, response: Response) -> None:
        """The first in line has its answer."""
        if self._transport is None or not self._line:  # whoever asked has gone
            return
        self._say(self._line.popleft(), response, last=False)
        if self._line or self._paused or self._reader.in_message:
            self._advance()
        elif not self._stalled and not self._deaf:
            self.deadline = self._owner.now + IDLE_SECONDS

    def _rest(self) -> None:
        """No answer is under way: the next request may come, or the rest of one."""
        if self._paused:
            self._resume()
        if self._reader.in_message:
            self._time()
        else:
            self.deadline = self._owner.now + IDLE_SECONDS

    def _say(self, message: Message, response: Response, *, last: bool) -> None:
        """Send an answer; after the ``last`` one the connection ends."""
        reply, transport = response.reply, self._transport
        last = last or not message.keep or (self._owner.closing and not self._line)
        if transport is not None and not transport.is_closing():
            body = reply.body
            transport.write(
                b"%b%b%b%bcontent-length: %d\r\n\r\n%b"
                % (
                    _STATUS[reply.status],
                    self._owner.date,
                    response.fields.lines,
                    _CLOSE if last else _ALIVE if message.old else b"",
                    len(body),
                    b"" if message.request.method == "HEAD" else body,
                )
            )
        if last:
            self._finish()

    def _finish(self) -> None:
        """End the connection once the other side has read what was sent.

        To close it while unread bytes come in would make the system throw the answer away.
        """
        transport = self._transport
        self._drop()
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

    def waits_since(self) -> float:
        """Since when nothing was asked here, or no answer taken; infinite within a request.

        A request is that from the end of its head on: its body has a time of its own. All is read
        off the deadline, so that no answer pays for it.
        """
        line, reader, deadline = self._line, self._reader, self.deadline
        if self._transport is None or (line and line[0].asked):
            return _NEVER
        if self._stalled:
            return deadline - WRITE_SECONDS + TAKING_SECONDS
        if line:
            return _NEVER
        if self._ended or self._transport.is_closing():
            return min(
                deadline - WRITE_SECONDS, self._owner.now
            )  # one that is cut off has no other
        if self._deaf:
            return deadline - LINGER_SECONDS
        return deadline - (HEAD_SECONDS if reader.in_message else IDLE_SECONDS)

    def end(self) -> None:
        """The service stops: answer what is under way and then close."""
        transport = self._transport
        if transport is None or transport.is_closing() or self._line or self._reader.in_message:
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
