"""Requests that come in one turn of the event loop, answered together.

One look-up, one call of the model and one write to the log for all; each answer leaves after the
write that holds its record. Under load that saves most of what a request costs; a request that
comes alone is answered at once.

Invariant: what is wrong with one request is its own affair: the others get the answers they would
have got alone.
"""

from __future__ import annotations

import sys
import traceback
from asyncio import Future, get_running_loop
from collections.abc import Callable, Sequence
from typing import Protocol

from interlock.errors import InterlockError
from interlock.serve.errors import ServiceError, error_body, status_of
from interlock.serve.replies import Reply

MOST = 64
"""Requests answered together at most, so that the first of many does not wait for all."""


class Answerer(Protocol):
    """Whoever answers a request: a release, or a challenger with the champion behind it."""

    def prepare(self, body: bytes) -> Reply:
        """The answer, which must not be sent before its records are logged."""

    def prepare_all(self, bodies: Sequence[bytes]) -> list[Reply]:
        """As :meth:`prepare` for each."""

    def crashed(self, body: bytes) -> Reply:
        """What to say when answering raised something nobody foresaw."""


File = Callable[[Sequence[bytes]], Future[int] | None]
Then = Callable[[Reply], None]
"""What becomes of a reply: it is called once, and does not raise."""
_Waiting = tuple[Answerer, bytes, Then]


class Tick:
    """Collects requests, and answers them when the loop has read all that had come.

    ``file`` writes records to the log, and gives a future where the disk is to be waited for.
    """

    def __init__(self, file: File) -> None:
        self._file = file
        self._waiting: list[_Waiting] = []

    def answer(self, answerer: Answerer, body: bytes, then: Then) -> None:
        """Give ``then`` the answer once its record is written, in a later turn of the loop."""
        if not self._waiting:
            get_running_loop().call_soon(self._flush)
        self._waiting.append((answerer, body, then))

    def alone(self, answerer: Answerer, body: bytes) -> Reply:
        """One answer; whatever was raised becomes a 500 that is logged as one."""
        try:
            return answerer.prepare(body)
        except Exception:  # noqa: BLE001 - nothing may take the worker down
            traceback.print_exc(file=sys.stderr)
            return answerer.crashed(body)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), MOST):
            group = waiting[start : start + MOST]
            try:
                self._answer(group)
            except Exception:  # noqa: BLE001 - whoever waits must hear of it
                traceback.print_exc(file=sys.stderr)
                _send(group, [failure()] * len(group))

    def _answer(self, waiting: Sequence[_Waiting]) -> None:
        replies = self._replies(waiting)
        try:
            synced = self._file([record for reply in replies for record in reply.records])
        except InterlockError as error:
            _send(waiting, [refusal(error)] * len(waiting))
            return
        if synced is None:
            _send(waiting, replies)
        else:
            synced.add_done_callback(lambda done: _send(waiting, _after(done, replies)))

    def _replies(self, waiting: Sequence[_Waiting]) -> list[Reply]:
        """In the order of the requests."""
        first, body, _ = waiting[0]
        if len(waiting) == 1:
            return [self.alone(first, body)]
        for answerer, _, _ in waiting:
            if answerer is not first:
                return self._apart(waiting)
        return self._together(first, [body for _, body, _ in waiting])

    def _apart(self, waiting: Sequence[_Waiting]) -> list[Reply]:
        """As those of one answerer are answered together."""
        places: dict[int, list[int]] = {}
        for place, (answerer, _, _) in enumerate(waiting):
            places.setdefault(id(answerer), []).append(place)
        replies: dict[int, Reply] = {}
        for group in places.values():
            its = self._together(waiting[group[0]][0], [waiting[place][1] for place in group])
            replies.update(zip(group, its, strict=True))
        return [replies[place] for place in range(len(waiting))]

    def _together(self, answerer: Answerer, bodies: Sequence[bytes]) -> list[Reply]:
        if len(bodies) == 1:
            return [self.alone(answerer, bodies[0])]
        try:
            return answerer.prepare_all(bodies)
        except Exception:  # noqa: BLE001 - it is one of them, and will be found alone
            return [self.alone(answerer, body) for body in bodies]


def refusal(error: InterlockError) -> Reply:
    """What is sent, and not logged, where the log or the service itself failed."""
    return Reply(status_of(error), error_body(error), [])


def failure() -> Reply:
    """What is sent where something was raised that nobody foresaw."""
    return refusal(ServiceError("S125", "the service failed; its operator can see why"))


def _after(done: Future[int], sent: list[Reply]) -> list[Reply]:
    """What is sent once the disk has answered."""
    error = done.exception()
    if error is None:
        return sent
    if isinstance(error, InterlockError):
        return [refusal(error)] * len(sent)
    traceback.print_exception(error, file=sys.stderr)
    return [failure()] * len(sent)


def _send(waiting: Sequence[_Waiting], sent: Sequence[Reply]) -> None:
    for (_, _, then), answer in zip(waiting, sent, strict=True):
        try:
            then(answer)
        except Exception:  # noqa: BLE001 - the others get theirs, and each gets one
            traceback.print_exc(file=sys.stderr)
