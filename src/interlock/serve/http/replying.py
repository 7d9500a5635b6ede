"""From a request's body to a reply whose records are on file, by whichever arm and protocol.

What most requests take is short: no rollout, no query, no arm chosen; they are answered by the
champion together with all that came in the same turn of the loop. All else is for the others.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qs

from msgspec.structs import replace

from interlock.errors import InterlockError
from interlock.serve.errors import FieldMistake, InvalidRequest, ServiceError
from interlock.serve.http.tick import Tick, refusal
from interlock.serve.inference.protocol import Asked, flattened, inferred
from interlock.serve.inference.tensors import read_question
from interlock.serve.log.prediction_log import PredictionLog
from interlock.serve.own_thread import OwnThread
from interlock.serve.predictor import Predictor
from interlock.serve.replies import MAX_MESSAGE, Reply
from interlock.serve.rollout.arms import Answerer, Arms, Divided, Trial, changed, marked
from interlock.serve.rollout.traffic import CHALLENGER

ARM_HEADER = "interlock-arm"
"""The header by which a caller who may chooses the arm."""
_SHOWN = 100  # characters of a query parameter
T = TypeVar("T")


class Replying:
    """Answers bodies and writes the log; ``may_pin``: callers may choose the arm.

    The champion's answers are explained in the thread ``explaining``.

    ``soon`` gives the champion's reply, together with all that came in the same turn of the loop:
    for a request without a query and without an arm, while no rollout runs.
    """

    def __init__(
        self, log: PredictionLog, explaining: OwnThread, *, waits_for_disk: bool, may_pin: bool
    ) -> None:
        self._log = log
        self._waits_for_disk = waits_for_disk
        self._may_pin = may_pin
        self._tick = Tick(self._file)
        self.soon = self._tick.answer
        self._explaining = explaining

    async def answer(self, arms: Arms, body: bytes, query: str, arm: str | None) -> Reply:
        """The reply to a body; ``arm`` is the one that the caller asks for.

        Raises ServiceError S160, S161.
        """
        chosen = None if arm is None else self._pinned(arms, arm)
        return await self._divided(arms, body, query, chosen, pinned=arm is not None)

    async def _divided(
        self, arms: Arms, body: bytes, query: str, chosen: Predictor | Trial | None, *, pinned: bool
    ) -> Reply:
        """A request that is more than one for whoever answers all.

        ``chosen`` is who the caller wants to answer; ``pinned``: it said so by the header.
        """
        if chosen is not None:
            reply = await self._asked_more(chosen, arms, body, query)
            return await self._filed(marked(reply, pinned=True) if pinned else reply)
        answerer = arms.answerer(body)
        if query or isinstance(answerer, Divided) or (answerer is not arms.champion and arms.waits):
            return await self._filed(await self._asked_more(answerer, arms, body, query))
        return await self._together(answerer, body)

    async def _together(self, answerer: Predictor | Trial, body: bytes) -> Reply:
        """The reply of one who answers together with others of the same turn."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._tick.answer(answerer, body, partial(settle, future))
        return await future

    def _pinned(self, arms: Arms, arm: str) -> Predictor | Trial:
        """The arm that the caller chose. Raises ServiceError S160 where it may not, S161."""
        if not self._may_pin:
            raise ServiceError("S160", f"this caller may not choose the arm ({ARM_HEADER})")
        return arms.pinned(arm)

    async def infer(self, arms: Arms, body: bytes, asked: Asked, arm: str | None) -> Reply:
        """As :meth:`answer`, of tensors.

        Who names a version is answered by the arm whose it is, whatever the header says: the
        champion's by everybody, the challenger's by who may choose.
        """
        champion = arms.champion
        chosen = None if arm is None else self._pinned(arms, arm)
        try:
            release = asked.named(arms.releases)
            question = read_question(body, release.contract)
        except Exception as error:  # noqa: BLE001 - nothing may take the worker down
            reply = await self._filed(_turned_down(champion, error, body))
            return replace(reply, body=flattened(reply.body))
        if arms.split is None and chosen is None and not question.explain:
            reply = await self._together(champion, question.body)
        else:
            if release is not champion.release:
                chosen = self._pinned(arms, CHALLENGER)
            elif asked.version:
                chosen = champion
            query = "explain=true" if question.explain else ""
            picked = arm is not None or (bool(asked.version) and arms.split is not None)
            reply = await self._divided(arms, question.body, query, chosen, pinned=picked)
        content = inferred(question, reply.status, reply.body, release)
        return replace(reply, body=content)

    async def _asked_more(self, answerer: Answerer, arms: Arms, body: bytes, query: str) -> Reply:
        """A request that is answered apart."""
        try:
            return await self._reply(answerer, arms, body, query)
        except Exception:  # noqa: BLE001 - nothing may take the worker down
            traceback.print_exc(file=sys.stderr)
            return arms.champion.crashed(body)

    async def outcomes_refused(self, arms: Arms, error: ServiceError, body: bytes) -> Reply:
        """The refusal of outcomes, on file as that of a prediction is, and of no arm."""
        found = arms.champion.refused(error, body)
        message = f"outcomes: {error.what}"[:MAX_MESSAGE]
        records = [changed(one, assigned="", arm="", message=message) for one in found.records]
        return await self._filed(Reply(found.status, found.body, records))

    async def keep(self, records: Sequence[bytes]) -> None:
        """Write what may not be dropped, whatever the product chose. Raises LogFull."""
        if self._waits_for_disk:
            await asyncio.wrap_future(self._log.submit(records, may_drop=False))
        else:
            self._log.append(records, may_drop=False)

    async def _filed(self, reply: Reply) -> Reply:
        """The reply, once its records are written."""
        try:
            synced = self._file(reply.records)
            if synced is not None:
                await synced
        except InterlockError as error:
            return refusal(error)
        return reply

    async def _reply(self, answerer: Answerer, arms: Arms, body: bytes, query: str) -> Reply:
        try:
            explain = _explain(query)
        except ServiceError as error:
            return arms.champion.refused(error, body)
        if isinstance(answerer, Trial | Divided):
            return await answerer.ask(body, explain=explain, thread=self._explaining)
        if not explain:
            return answerer.prepare(body)
        return await answerer.explained(answerer.answered(body), self._explaining)

    def _file(self, records: Sequence[bytes]) -> asyncio.Future[int] | None:
        """Write records; a future where the answer waits for the disk. Raises LogFull."""
        if self._waits_for_disk:
            return asyncio.wrap_future(self._log.submit(records))
        self._log.append(records)
        return None


def settle(future: asyncio.Future[T], result: T) -> None:
    """Give the result to whoever still waits for it."""
    if not future.done():
        future.set_result(result)


def _turned_down(predictor: Predictor, error: Exception, body: bytes) -> Reply:
    """The reply to a request that could not be read."""
    if isinstance(error, ServiceError):
        return predictor.refused(error, body)
    traceback.print_exception(error, file=sys.stderr)
    return predictor.crashed(body)


def _explain(query: str) -> bool:
    """Whether ``?explain=`` asks for it. Raises InvalidRequest for anything but true and false."""
    given = parse_qs(query, keep_blank_values=True).get("explain", ["false"])
    if given not in (["true"], ["false"]):
        mistake = FieldMistake(
            field="explain",
            what="is no query parameter of this kind",
            expected="?explain=true or ?explain=false",
            got=", ".join(given)[:_SHOWN],
        )
        raise InvalidRequest([mistake])
    return given == ["true"]
