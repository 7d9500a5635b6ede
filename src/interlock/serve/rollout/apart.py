"""A challenger is asked such that nothing it does can fail a request, or hold one up for long."""

from __future__ import annotations

import asyncio
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from interlock.clock import monotonic
from interlock.errors import AUTHOR_FAULTS
from interlock.serve.loaded.isolated import IsolatedScorer
from interlock.serve.log.record import read_record
from interlock.serve.predictor import Predictor
from interlock.serve.replies import Reply

DEADLINE_SECONDS = 1.0  # that a challenger has for an answer, unless the service says otherwise
EXPLAIN_SECONDS = 10.0  # and for an explained one
CRASHED, LATE = "S125", "S141"


class Tried(NamedTuple):
    """What came of asking a challenger: its reply, or the code of why there is none.

    ``asked`` is false where it was not asked at all; ``slow`` where it answered, and took longer
    than it may.
    """

    reply: Reply | None
    why: str = ""
    asked: bool = True
    slow: bool = False

    @property
    def answer(self) -> Reply | None:
        """The reply, where it is an answer."""
        return self.reply if self.reply is not None and self.reply.status == 200 else None

    @property
    def code(self) -> str:
        """Why there is no answer; "" where there is one."""
        if self.reply is None:
            return self.why
        return "" if self.reply.status == 200 else read_record(self.reply.records[0]).error


def tried_here(
    challenger: Predictor, body: bytes, deadline: float, *, explain: bool = False
) -> Tried:
    """Ask it in this thread; an answer that is not explained has ``deadline`` seconds."""
    begun = monotonic()
    try:
        reply = challenger.prepare(body, explain=explain)
    except AUTHOR_FAULTS:
        traceback.print_exc(file=sys.stderr)
        return Tried(None, CRASHED)
    return Tried(reply, slow=not explain and monotonic() - begun > deadline)


class Apart:
    """A challenger whose model may hang, asked in a thread of its own and not waited for long.

    While an answer is late nobody waits for another, whatever became of who had asked for it.
    """

    def __init__(self, challenger: Predictor, deadline: float) -> None:
        self._challenger = challenger
        self._deadline = deadline  # seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="challenger")
        self._until: float | None = None  # when the present answer is late; None: there is none

    async def tried(self, body: bytes, *, explain: bool) -> Tried:
        """Its reply within its deadline, else a code."""
        if self._is_late():
            return Tried(None, LATE, asked=False)
        seconds = EXPLAIN_SECONDS if explain else self._deadline
        job = self._thread.submit(self._run, body, explain, seconds)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(job), seconds)
        except TimeoutError:  # one that was still in the queue is cancelled, and was not asked
            return Tried(None, LATE, asked=not job.cancelled())

    def _is_late(self) -> bool:
        until = self._until
        return until is not None and monotonic() > until

    def _run(self, body: bytes, explain: bool, seconds: float) -> Tried:
        scorer = self._challenger.release.scorer
        there = not isinstance(scorer, IsolatedScorer) or scorer.pid is not None
        self._until = monotonic() + seconds
        try:
            tried = tried_here(self._challenger, body, self._deadline, explain=explain)
            return tried._replace(asked=there)
        finally:
            self._until = None
