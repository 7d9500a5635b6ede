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
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Sequence

from interlock.errors import InterlockError
from interlock.serve.errors import ServiceError, error_body, status_of
from interlock.serve.predictor import Predictor
from interlock.serve.replies import Reply

MOST = 64
"""Requests answered together at most, so that the first of many does not wait for all."""

File = Callable[[Sequence[bytes]], Future[int] | None]
_Waiting = tuple[Predictor, bytes, "Future[Reply]"]


class Tick:
    """Collects requests, and answers them when the loop has read all that had come.

    ``file`` writes records to the log, and gives a future where the disk is to be waited for.
    """

    def __init__(self, file: File) -> None:
        self._file = file
        self._waiting: list[_Waiting] = []

    def answer(self, predictor: Predictor, body: bytes, loop: AbstractEventLoop) -> Future[Reply]:
        """The answer, once its record is written."""
        future: Future[Reply] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._flush)
        self._waiting.append((predictor, body, future))
        return future

    def alone(self, predictor: Predictor, body: bytes) -> Reply:
        """One answer; whatever was raised becomes a 500 that is logged as one."""
        try:
            return predictor.prepare(body)
        except Exception:  # noqa: BLE001 - nothing may take the worker down
            traceback.print_exc(file=sys.stderr)
            return predictor.crashed(body)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), MOST):
            group = waiting[start : start + MOST]
            try:
                self._answer(group)
            except Exception:  # noqa: BLE001 - whoever waits must hear of it
                traceback.print_exc(file=sys.stderr)
                failed = ServiceError("S125", "the service failed; its operator can see why")
                _send(group, [refusal(failed)] * len(group))

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
        """In the order of the requests; a swap between two of them makes two groups."""
        first = waiting[0][0]
        if len(waiting) == 1 or any(predictor is not first for predictor, _, _ in waiting):
            return [self.alone(predictor, body) for predictor, body, _ in waiting]
        try:
            return first.prepare_all([body for _, body, _ in waiting])
        except Exception:  # noqa: BLE001 - it is one of them, and will be found alone
            return [self.alone(predictor, body) for predictor, body, _ in waiting]


def refusal(error: InterlockError) -> Reply:
    """What is sent, and not logged, where the log or the service itself failed."""
    return Reply(status_of(error), error_body(error), [])


def _after(done: Future[int], sent: list[Reply]) -> list[Reply]:
    """What is sent once the disk has answered."""
    error = done.exception()
    if error is None:
        return sent
    if isinstance(error, InterlockError):
        return [refusal(error)] * len(sent)
    raise error


def _send(waiting: Sequence[_Waiting], sent: Sequence[Reply]) -> None:
    for (_, _, future), answer in zip(waiting, sent, strict=True):
        if not future.done():  # its client may have gone
            future.set_result(answer)
