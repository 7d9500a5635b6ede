"""Champion and challenger behind one door: who answers which request.

A thin layer over :class:`Predictor`, which knows nothing of it. Rules: a unit is always assigned to
the same arm; the rows of a list may go to different arms; whatever the challenger does not answer
(it crashed, gave no finite number, is not loaded, took too long), the champion answers in its
place, and the record keeps the arm that was assigned. What the champion refuses as well was the
request's fault, and nobody's failure. One that fails too often is set aside: it is not asked again
(:mod:`interlock.serve.rollout.watch`).
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from interlock import clock
from interlock.clock import monotonic
from interlock.errors import AUTHOR_FAULTS
from interlock.serve.errors import ServiceError
from interlock.serve.loaded.explainer import MAX_EXPLAINED
from interlock.serve.loaded.release import LoadedRelease
from interlock.serve.log.record import read_record, record_bytes
from interlock.serve.own_thread import OwnThread
from interlock.serve.predictor import Predictor
from interlock.serve.replies import Reply
from interlock.serve.rollout.apart import (
    CRASHED,
    DEADLINE_SECONDS,
    LATE,
    Apart,
    Tried,
    tried_here,
)
from interlock.serve.rollout.exchange import Exchange
from interlock.serve.rollout.hanging import HANGING_SECONDS, UnderWay
from interlock.serve.rollout.traffic import ARMS, CHALLENGER, CHAMPION, Split, arm_of
from interlock.serve.rollout.units import units_reader
from interlock.serve.rollout.watch import SET_ASIDE, Watch

BOTH = "both"  # the arm of a reply to a list of which each arm answered a part
_NOT_LOADED = "S127"
_ENCODER = msgspec.json.Encoder()
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])


class Arms:
    """Who answers: the one reference that every request reads, replaced whole and never changed.

    With a ``split`` and no ``challenger`` (it could not be loaded here) the champion answers all.
    The challenger has ``deadline`` seconds for an answer; ``exchange`` judges it together with
    others, else it is judged by what is seen here. One that has given none after ``hanging``
    seconds is set aside while it is waited for: whoever asks it in process cannot stop it.
    """

    def __init__(
        self,
        champion: Predictor,
        challenger: Predictor | None = None,
        split: Split | None = None,
        now: Callable[[], int] = clock.now,
        exchange: Exchange | None = None,
        deadline: float = DEADLINE_SECONDS,
        hanging: float = HANGING_SECONDS,
    ) -> None:
        self.champion = champion
        self.challenger = challenger
        self.split = split
        self.waits = False
        self._exchange = exchange
        if split is not None:
            watch = Watch() if exchange is None else exchange.watch
            self.trial = Trial(challenger, champion, watch, deadline, hanging)
            self.waits = self.trial.waits
            self._units = units_reader(champion.release, now)

    @property
    def whole(self) -> bool:
        """Whether everybody is there who should answer."""
        return self.split is None or self.challenger is not None

    @property
    def releases(self) -> tuple[LoadedRelease, ...]:
        """The champion's and, where it is loaded, the challenger's."""
        there = (self.champion, self.challenger)
        return tuple(arm.release for arm in there if arm is not None)

    def told(self) -> dict[str, Any]:
        """Of the challenger, for the status: how often it was asked and failed."""
        return {} if self.split is None else self.trial.watch.told()

    def confer(self) -> None:
        """Say what is known of the challenger here, and hear what others know of it.

        Twice a second, in a thread of its own.
        """
        if self.split is not None:
            self.trial.look()
        if self._exchange is not None:
            self._exchange.look()

    def answerer(self, body: bytes) -> Answerer:
        """Who is to answer this request."""
        if self.split is None:
            return self.champion
        units = self._units(body)
        if len(units) > self.champion.release.contract.max_rows:
            return self.champion  # it refuses them all; of parts each arm might take its own
        assigned = [arm_of(unit, self.split) for unit in units]
        if CHALLENGER not in assigned:
            return self.champion
        if CHAMPION not in assigned:
            return self.trial
        return Divided(self, assigned)

    def pinned(self, arm: str) -> Champion | Trial:
        """The arm that the caller chose. Raises ServiceError S161 where there is no such arm."""
        if arm not in ARMS or (arm == CHALLENGER and self.split is None):
            there = " or ".join(ARMS if self.split else ARMS[:1])
            raise ServiceError("S161", f"there is no such arm; there is {there}")
        return self.trial if arm == CHALLENGER else self.champion


class Trial:
    """The challenger, with the champion behind it."""

    def __init__(
        self,
        challenger: Predictor | None,
        champion: Predictor,
        watch: Watch,
        deadline: float,
        hanging: float,
    ) -> None:
        self._challenger = challenger
        self._champion = champion
        self._deadline = deadline
        self._apart: Apart | None = None
        self._under_way = UnderWay(hanging)
        self._explaining = OwnThread("explain challenger")  # the champion's must not wait for it
        self.watch = watch
        if challenger is not None and challenger.release.contract.isolated:
            self._apart = Apart(challenger, deadline, self._under_way)

    @property
    def waits(self) -> bool:
        """Whether it must be asked in a thread: its model may hang in a process of its own."""
        return self._apart is not None

    def prepare(self, body: bytes) -> Reply:
        """The challenger's answer, or the champion's in its place; as :meth:`Predictor.prepare`."""
        return self._settled(body, self._tried(body))

    def prepare_all(self, bodies: Sequence[bytes]) -> list[Reply]:
        """As :meth:`prepare` for each."""
        if self._absent() is not None or self._challenger is None:
            return [self.prepare(body) for body in bodies]
        begun = monotonic()
        try:
            with self._under_way:
                replies = self._challenger.prepare_all(bodies)
        except AUTHOR_FAULTS:  # it is one of them, and will be found alone
            return [self.prepare(body) for body in bodies]
        slow = monotonic() - begun > self._deadline
        tried = [Tried(reply, slow=slow and not place) for place, reply in enumerate(replies)]
        return [self._settled(*one) for one in zip(bodies, tried, strict=True)]

    async def ask(self, body: bytes, *, explain: bool, thread: OwnThread) -> Reply:
        """As :meth:`prepare`, in time; the champion in its place explains in ``thread``."""
        tried = await self.tried(body, explain=explain)
        if tried.answer is not None or not explain:
            return self._settled(body, tried)
        reply = await _by_champion(self._champion, body, explain, thread)
        self.note(tried, reply.status)
        return _in_place(reply, tried)

    async def tried(self, body: bytes, *, explain: bool) -> Tried:
        """The challenger's own reply, or the code of why there is none."""
        if self._apart is not None and self._absent() is None:
            return await self._apart.tried(body, explain=explain)
        if not explain or self._challenger is None or self._absent() is not None:
            return self._tried(body)
        try:
            with self._under_way:
                answered = self._challenger.answered(body)
            return Tried(await self._challenger.explained(answered, self._explaining))
        except AUTHOR_FAULTS:
            traceback.print_exc(file=sys.stderr)
            return Tried(None, CRASHED)

    def look(self) -> None:
        """Set it aside where it hangs; another thread calls this twice a second."""
        if self._under_way.hangs():
            self.watch.hangs(self._under_way.seconds)

    def note(self, tried: Tried, status: int) -> None:
        """Remember how it did with a request that was answered with that status in the end."""
        if tried.asked and status == 200:  # what the champion refuses as well is nobody's failure
            self.watch.note(LATE if tried.slow else tried.code)

    def crashed(self, body: bytes) -> Reply:
        """As :meth:`Predictor.crashed`."""
        return self._champion.crashed(body)

    def _absent(self) -> Tried | None:
        """Why it is not to be asked at all."""
        if self._challenger is None:
            return Tried(None, _NOT_LOADED, asked=False)
        return Tried(None, SET_ASIDE, asked=False) if self.watch.set_aside else None

    def _tried(self, body: bytes) -> Tried:
        absent = self._absent()
        if absent is not None or self._challenger is None:
            return absent or Tried(None, _NOT_LOADED, asked=False)
        with self._under_way:
            return tried_here(self._challenger, body, self._deadline)

    def _settled(self, body: bytes, tried: Tried) -> Reply:
        reply = tried.answer or _in_place(self._champion.prepare(body), tried)
        self.note(tried, reply.status)
        return reply


class Divided:
    """A list of which some rows are the champion's and some the challenger's."""

    def __init__(self, arms: Arms, assigned: Sequence[str]) -> None:
        self._arms = arms
        self._assigned = assigned

    async def ask(self, body: bytes, *, explain: bool, thread: OwnThread) -> Reply:
        """Each row's answer by its arm, in order; by the champion alone where an arm fails."""
        champion = self._arms.champion
        if explain and len(self._assigned) > MAX_EXPLAINED:
            return await _by_champion(champion, body, explain, thread)  # it refuses them all
        parts = self._parts(body)
        tried = await self._arms.trial.tried(parts[CHALLENGER], explain=explain)
        if tried.answer is not None:
            own = await _by_champion(champion, parts[CHAMPION], explain, thread)
            if own.status == 200:
                self._arms.trial.note(tried, own.status)
                return self._joined({CHAMPION: own, CHALLENGER: tried.answer})
        whole = await _by_champion(champion, body, explain, thread)
        self._arms.trial.note(tried, whole.status)
        return self._in_place(whole, tried)

    def _parts(self, body: bytes) -> dict[str, bytes]:
        rows = list(zip(self._assigned, _ROWS.decode(body), strict=True))
        return {arm: _ENCODER.encode([row for its, row in rows if its == arm]) for arm in ARMS}

    def _joined(self, replies: dict[str, Reply]) -> Reply:
        answers = {arm: iter(_ROWS.decode(reply.body)) for arm, reply in replies.items()}
        records = {arm: iter(reply.records) for arm, reply in replies.items()}
        logged = [
            changed(next(records[arm]), row=place) for place, arm in enumerate(self._assigned)
        ]
        return replace(
            replies[self._assigned[0]],
            body=_ENCODER.encode([next(answers[arm]) for arm in self._assigned]),
            records=logged,
            release=self._arms.champion.release.label,
            arm=BOTH,
            rows=len(self._assigned),
        )

    def _in_place(self, reply: Reply, tried: Tried) -> Reply:
        """The champion's reply to all rows; those it answered for the challenger are marked."""
        if reply.status != 200:
            return reply
        code = tried.code
        records = [
            changed(record, assigned=arm, instead=code) if arm == CHALLENGER else record
            for arm, record in zip(self._assigned, reply.records, strict=True)
        ]
        return replace(reply, records=records, instead=code)


Champion = Predictor
Answerer = Champion | Trial | Divided


def _in_place(reply: Reply, tried: Tried) -> Reply:
    """The champion's reply to a request that was the challenger's."""
    code = tried.code if reply.status == 200 else ""
    return replace(marked(reply, assigned=CHALLENGER, instead=code), instead=code)


async def _by_champion(champion: Predictor, body: bytes, explain: bool, thread: OwnThread) -> Reply:
    if explain:
        return await champion.explained(champion.answered(body), thread)
    return champion.prepare(body)


def marked(reply: Reply, **marks: Any) -> Reply:
    """The reply with these marks on each of its records."""
    return replace(reply, records=[changed(record, **marks) for record in reply.records])


def changed(record: bytes, **marks: Any) -> bytes:
    """The record with these fields instead."""
    return record_bytes(replace(read_record(record), **marks))
