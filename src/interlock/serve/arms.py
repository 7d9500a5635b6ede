"""Champion and challenger behind one door: who answers which request.

A thin layer over :class:`Predictor`, which knows nothing of it. Rules: a unit is always assigned to
the same arm; the rows of a list may go to different arms; whatever the challenger does not answer
(it crashed, gave no finite number, is not loaded, took too long), the champion answers in its
place, and the record keeps the arm that was assigned. What the champion refuses as well was the
request's fault, and nobody's failure.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeGuard

import msgspec
from msgspec.structs import replace

from interlock import clock
from interlock.serve.errors import ServiceError
from interlock.serve.explainer import MAX_EXPLAINED
from interlock.serve.predictor import Predictor
from interlock.serve.record import read_record, record_bytes
from interlock.serve.replies import Reply
from interlock.serve.traffic import ARMS, CHALLENGER, CHAMPION, Split, arm_of
from interlock.serve.units import units_reader

DEADLINE_SECONDS = 1.0  # that an isolated challenger has for an answer
EXPLAIN_SECONDS = 10.0  # and for an explained one
BOTH = "both"  # the arm of a reply to a list of which each arm answered a part
_ABSENT, _CRASHED, _LATE = "S127", "S125", "S141"
_ENCODER = msgspec.json.Encoder()
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])


class Arms:
    """Who answers: the one reference that every request reads, replaced whole and never changed.

    With a ``split`` and no ``challenger`` (it could not be loaded here) the champion answers all.
    """

    def __init__(
        self,
        champion: Predictor,
        challenger: Predictor | None = None,
        split: Split | None = None,
        now: Callable[[], int] = clock.now,
    ) -> None:
        self.champion = champion
        self.challenger = challenger
        self.split = split
        self.waits = False
        if split is not None:
            self.trial = Trial(challenger, champion)
            self.waits = self.trial.waits
            self._units = units_reader(champion.release, now)

    @property
    def whole(self) -> bool:
        """Whether everybody is there who should answer."""
        return self.split is None or self.challenger is not None

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

    def __init__(self, challenger: Predictor | None, champion: Predictor) -> None:
        self._challenger = challenger
        self._champion = champion
        self._apart: _Apart | None = None
        if challenger is not None and challenger.release.contract.isolated:
            self._apart = _Apart(challenger)

    @property
    def waits(self) -> bool:
        """Whether it must be asked in a thread: its model may hang in a process of its own."""
        return self._apart is not None

    def prepare(self, body: bytes) -> Reply:
        """The challenger's answer, or the champion's in its place; as :meth:`Predictor.prepare`."""
        return self._settled(body, self._tried(body))

    def prepare_all(self, bodies: Sequence[bytes]) -> list[Reply]:
        """As :meth:`prepare` for each."""
        if self._challenger is None:
            return [self._settled(body, _ABSENT) for body in bodies]
        try:
            replies: Sequence[Reply | str] = self._challenger.prepare_all(bodies)
        except Exception:  # noqa: BLE001 - it is one of them, and will be found alone
            replies = [self._tried(body) for body in bodies]
        return [self._settled(body, tried) for body, tried in zip(bodies, replies, strict=True)]

    async def ask(self, body: bytes, *, explain: bool, executor: Executor) -> Reply:
        """As :meth:`prepare`, in time; explained in a thread of ``executor`` if that is asked."""
        tried = await self.tried(body, explain=explain, executor=executor)
        if _answered(tried):
            return tried
        if not explain:
            return self._settled(body, tried)
        reply = await self._champion.explained(body, executor)
        return _in_place(reply, tried)

    async def tried(self, body: bytes, *, explain: bool, executor: Executor) -> Reply | str:
        """The challenger's own reply, or the code of why there is none."""
        if self._apart is not None:
            return await self._apart.tried(body, explain=explain)
        if not explain or self._challenger is None:
            return self._tried(body)
        try:
            return await self._challenger.explained(body, executor)
        except Exception:  # noqa: BLE001 - nothing a challenger does may fail a request
            traceback.print_exc(file=sys.stderr)
            return _CRASHED

    def crashed(self, body: bytes) -> Reply:
        """As :meth:`Predictor.crashed`."""
        return self._champion.crashed(body)

    def _tried(self, body: bytes) -> Reply | str:
        return _ABSENT if self._challenger is None else _tried(self._challenger, body)

    def _settled(self, body: bytes, tried: Reply | str) -> Reply:
        if _answered(tried):
            return tried
        return _in_place(self._champion.prepare(body), tried)


class Divided:
    """A list of which some rows are the champion's and some the challenger's."""

    def __init__(self, arms: Arms, assigned: Sequence[str]) -> None:
        self._arms = arms
        self._assigned = assigned

    async def ask(self, body: bytes, *, explain: bool, executor: Executor) -> Reply:
        """Each row's answer by its arm, in order; by the champion alone where an arm fails."""
        champion = self._arms.champion
        if explain and len(self._assigned) > MAX_EXPLAINED:
            return await _by_champion(champion, body, explain, executor)  # it refuses them all
        parts = self._parts(body)
        tried = await self._arms.trial.tried(parts[CHALLENGER], explain=explain, executor=executor)
        if _answered(tried):
            own = await _by_champion(champion, parts[CHAMPION], explain, executor)
            if own.status == 200:
                return self._joined({CHAMPION: own, CHALLENGER: tried})
        whole = await _by_champion(champion, body, explain, executor)
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

    def _in_place(self, reply: Reply, tried: Reply | str) -> Reply:
        """The champion's reply to all rows; those it answered for the challenger are marked."""
        if reply.status != 200:
            return reply
        code = "" if _answered(tried) else _code(tried)
        records = [
            changed(record, assigned=arm, instead=code) if arm == CHALLENGER else record
            for arm, record in zip(self._assigned, reply.records, strict=True)
        ]
        return replace(reply, records=records, instead=code)


Champion = Predictor
Answerer = Champion | Trial | Divided


class _Apart:
    """A challenger whose model may hang, asked in a thread of its own and not waited for long."""

    def __init__(self, challenger: Predictor) -> None:
        self._challenger = challenger
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="challenger")
        self._late: Future[Reply | str] | None = None

    async def tried(self, body: bytes, *, explain: bool) -> Reply | str:
        """Its reply within its deadline, else a code; while it is late, nobody waits for it."""
        if self._late is not None and not self._late.done():
            return _LATE
        job = self._thread.submit(_tried, self._challenger, body, explain=explain)
        seconds = EXPLAIN_SECONDS if explain else DEADLINE_SECONDS
        try:
            return await asyncio.wait_for(asyncio.wrap_future(job), seconds)
        except TimeoutError:
            if not job.done():  # one still in the queue was cancelled, and holds nobody up
                self._late = job
            return _LATE


def _tried(challenger: Predictor, body: bytes, *, explain: bool = False) -> Reply | str:
    try:
        return challenger.prepare(body, explain=explain)
    except Exception:  # noqa: BLE001 - nothing a challenger does may fail a request
        traceback.print_exc(file=sys.stderr)
        return _CRASHED


def _answered(tried: Reply | str) -> TypeGuard[Reply]:
    return isinstance(tried, Reply) and tried.status == 200


def _code(tried: Reply | str) -> str:
    """Why there is no answer."""
    return tried if isinstance(tried, str) else read_record(tried.records[0]).error


def _in_place(reply: Reply, tried: Reply | str) -> Reply:
    """The champion's reply to a request that was the challenger's."""
    code = _code(tried) if reply.status == 200 else ""
    return replace(marked(reply, assigned=CHALLENGER, instead=code), instead=code)


async def _by_champion(
    champion: Predictor, body: bytes, explain: bool, executor: Executor
) -> Reply:
    if explain:
        return await champion.explained(body, executor)
    return champion.prepare(body)


def marked(reply: Reply, **marks: Any) -> Reply:
    """The reply with these marks on each of its records."""
    return replace(reply, records=[changed(record, **marks) for record in reply.records])


def changed(record: bytes, **marks: Any) -> bytes:
    """The record with these fields instead."""
    return record_bytes(replace(read_record(record), **marks))
