"""A challenger is asked such that nothing it does can fail a request, or hold one up for long."""

from __future__ import annotations

import sys
import traceback
from functools import partial
from typing import NamedTuple

from interlock.clock import monotonic
from interlock.errors import AUTHOR_FAULTS
from interlock.serve.loaded.explainer import EXPLAIN_SECONDS
from interlock.serve.loaded.isolated import IsolatedScorer
from interlock.serve.log.record import read_record
from interlock.serve.own_thread import Late, OwnThread
from interlock.serve.predictor import Predictor
from interlock.serve.replies import Reply
from interlock.serve.rollout.hanging import UnderWay

DEADLINE_SECONDS = 1.0  # that a challenger has for an answer, unless the service says otherwise
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
    ``under_way`` is entered with each question: its model's process is ended where it hangs, its
    own code is not.
    """

    def __init__(self, challenger: Predictor, deadline: float, under_way: UnderWay) -> None:
        self._challenger = challenger
        self._deadline = deadline  # seconds
        self._under_way = under_way
        self._thread = OwnThread("challenger")

    async def tried(self, body: bytes, *, explain: bool) -> Tried:
        """Its reply within its deadline, else a code."""
        seconds = EXPLAIN_SECONDS if explain else self._deadline
        try:
            return await self._thread.run(partial(self._run, body, explain), seconds)
        except Late as late:
            return Tried(None, LATE, asked=late.begun)

    def _run(self, body: bytes, explain: bool) -> Tried:
        scorer = self._challenger.release.scorer
        there = not isinstance(scorer, IsolatedScorer) or scorer.pid is not None
        with self._under_way:
            tried = tried_here(self._challenger, body, self._deadline, explain=explain)
        return tried._replace(asked=there)
