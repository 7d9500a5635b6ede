"""The HTTP edge: routes and bounds, and nothing about predictions.

Three servers carry it: Interlock's own (:mod:`interlock.serve.http.connection`), Granian
(:mod:`interlock.serve.http.rsgi`) and any ASGI server (:mod:`interlock.serve.asgi`). Each asks in
two steps, :meth:`App.enter` with a request's head and :meth:`App.answer` with its body, or in one
that waits, :meth:`App.respond`. A body is read only within its bound and its time, and one that is
not read closes the connection.

Requests are in flight from :meth:`App.answer` on until they have their answer: the bound on them is
one on work. Who sends a body slowly, or does not take an answer, holds none of it.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable
from functools import partial
from time import perf_counter

import msgspec
from msgspec.structs import replace

from interlock.clock import now
from interlock.errors import InterlockError
from interlock.serve.errors import ServiceError, Unready
from interlock.serve.http.access import AccessLog
from interlock.serve.http.door import Door, check_type
from interlock.serve.http.kept import KeptBodies, too_large
from interlock.serve.http.known_heads import KnownHeads
from interlock.serve.http.pages import Pages, must_read
from interlock.serve.http.replying import ARM_HEADER, Replying, settle
from interlock.serve.http.request import Request
from interlock.serve.http.response import (
    AGAIN,
    JSON,
    Response,
    WrongMethod,
    answered,
    closing,
    refused,
)
from interlock.serve.http.tick import refusal
from interlock.serve.http.traces import Traces
from interlock.serve.http.uploads import Body, Uploads
from interlock.serve.http.worker_status import WorkerStatus
from interlock.serve.inference.protocol import (
    Asked,
    inference_error,
    is_inference,
    page_of,
    read_path,
)
from interlock.serve.log.outcome import outcome_bytes
from interlock.serve.log.prediction_log import PredictionLog
from interlock.serve.outcomes import OutcomeReader
from interlock.serve.own_thread import OwnThread
from interlock.serve.plan import ServePlan
from interlock.serve.replies import Reply
from interlock.serve.rollout.arms import Arms
from interlock.serve.rollout.group import Group
from interlock.serve.rollout.live import LiveRelease

PREDICT, OUTCOMES = "/v1/predict", "/v1/outcomes"
_ENCODER = msgspec.json.Encoder()
Then = Callable[[Response], None]
"""What becomes of a response: it is called once, and does not raise."""


class App:
    """The service behind HTTP; for one event loop."""

    def __init__(
        self,
        plan: ServePlan,
        live: LiveRelease,
        log: PredictionLog,
        token: str | None,
        group: Group | None = None,
        traces: Traces | None = None,
    ) -> None:
        self.limits = plan.limits
        self.kept = KeptBodies(plan.limits.kept_bytes)
        self.heads = KnownHeads()
        self.uploads = Uploads(plan.limits, self.kept)
        explaining = OwnThread("explain")
        self.status = WorkerStatus(plan, live, log, group, self.kept, explaining)
        self._live = live
        self._door = Door(local=plan.on_loopback, token=token)
        self._pages = Pages(live, self.status)
        self._outcomes = OutcomeReader(max_rows=plan.limits.rows)
        self._access = None if plan.access_log is None else AccessLog(plan.access_log, plan.worker)
        if self._access is not None:
            self.status.lines.append(self._access)
        self._traces = traces
        may_pin = plan.pinned_arms or token is not None
        self._replying = Replying(
            log, explaining, waits_for_disk=plan.ack == "disk", may_pin=may_pin
        )
        self._soon = self._replying.soon
        self._count = self.status.metrics.answered
        self._under_way: set[asyncio.Task[Reply]] = set()

    def close(self) -> None:
        """Nothing more is asked: write the lines that wait."""
        if self._access is not None:
            self._access.close()

    async def respond(self, request: Request, body: Body) -> Response:
        """The answer to one request, however it came."""
        response = self.enter(request)
        if response is not None:
            return closing(response) if request.has_body else response
        try:
            read = await self.uploads.read(request, body)
        except ServiceError as error:
            return closing(self.refuse(request, error))
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        response = self.answer(request, read, partial(settle, future))
        return await future if response is None else response

    def enter(self, request: Request) -> Response | None:
        """What a request gets by its head alone, or None where its body is wanted.

        That is wanted is decided by the head and nothing else, so that it may be remembered.
        """
        try:
            self._door.admit(request)
            response = self._paged(request)
        except ServiceError as error:
            return self.refuse(request, error)
        except Exception as error:  # noqa: BLE001 - a page is one request's affair
            traceback.print_exception(error, file=sys.stderr)
            return self.refuse(request, _failed())
        return None if response is None else self._noted(request, response)

    def answer(self, request: Request, body: bytes, then: Then) -> Response | None:
        """Give ``then`` the answer to a request that was let in, in a later turn of the loop.

        Where too many are in flight their refusal is given back, and ``then`` is not called.
        """
        status = self.status
        if status.in_flight >= self.limits.in_flight:
            busy = ServiceError("S120", "too many requests are in flight; try again")
            return self.refuse(request, busy)
        status.in_flight += 1
        arms = self._live.arms
        if (
            request.path == PREDICT
            and arms is not None
            and arms.split is None
            and not request.query
            and request.headers.get(ARM_HEADER) is None
        ):
            self._soon(arms.champion, body, partial(self._answered, request, then))
            return None
        task = asyncio.get_running_loop().create_task(self._reply(request, body))
        self._under_way.add(task)
        task.add_done_callback(partial(self._ended, request, then))
        return None

    def refuse(self, request: Request, error: ServiceError) -> Response:
        """What a request gets that is not answered."""
        response = refused(error)
        self.status.metrics.shed += error.code == "S120"
        if is_inference(request.path):
            reply = replace(response.reply, body=inference_error(error))
            response = replace(response, reply=reply)
        return self._noted(request, response)

    def malformed(self, error: ServiceError) -> Response:
        """What somebody gets whose bytes are no request."""
        return self.refuse(Request("", "", "", {}), error)

    def _ended(self, request: Request, then: Then, task: asyncio.Task[Reply]) -> None:
        self._under_way.discard(task)
        if task.cancelled():  # the loop ends
            return
        error = task.exception()
        if error is None:
            self._answered(request, then, task.result())
            return
        if not isinstance(error, ServiceError):
            traceback.print_exception(error, file=sys.stderr)
            error = _failed()
        self.status.in_flight -= 1
        then(self.refuse(request, error))

    async def _reply(self, request: Request, body: bytes) -> Reply:
        """The reply to a request that is more than one for the champion.

        Raises ServiceError for what is refused and not logged."""
        arms = self._live.arms
        if arms is None:
            raise Unready("no release is ready; try again")
        arm = request.headers.get(ARM_HEADER)
        if request.path == OUTCOMES:
            return await self._told(arms, body)
        if request.path == PREDICT:
            return await self._replying.answer(arms, body, request.query, arm)
        return await self._replying.infer(arms, body, read_path(request.path), arm)

    async def _told(self, arms: Arms, body: bytes) -> Reply:
        """What became of predictions: answered once it is in the log, as is that it is refused."""
        contract = arms.champion.release.contract
        try:
            told = self._outcomes.read(body, contract.answer, now=now(), product=contract.product)
        except ServiceError as error:
            return await self._replying.outcomes_refused(arms, error, body)
        try:
            await self._replying.keep(list(map(outcome_bytes, told)))
        except InterlockError as error:
            return refusal(error)
        self.status.metrics.outcomes += len(told)
        return Reply(200, _ENCODER.encode({"logged": len(told)}), [])

    def _answered(self, request: Request, then: Then, reply: Reply) -> None:
        self.status.in_flight -= 1
        then(self._noted(request, Response(reply, AGAIN if reply.status == 503 else JSON)))

    def _noted(self, request: Request, response: Response) -> Response:
        """The response, counted and told of."""
        path, reply = request.path, response.reply
        route = path if path == PREDICT else self._route(path)
        seconds = perf_counter() - request.begun
        self._count(route, reply.status, seconds, reply.release, reply.arm)
        if reply.instead:
            self.status.stood_in(reply.instead)
        if self._access is not None:
            self._access.write(request.method, path, reply, seconds)
        if self._traces is not None:
            self._traces.record(request.method, route, request.headers, reply, seconds)
        return response

    def _route(self, path: str) -> str:
        """The path as a label, of which there are few."""
        if path in (PREDICT, OUTCOMES) or path in self._pages:
            return path
        return "/v2" if is_inference(path) else "other"

    def _paged(self, request: Request) -> Response | None:
        """A page, or None for what is asked with a body. Raises ServiceError."""
        path = request.path
        if path in (PREDICT, OUTCOMES):
            self._let_in(request, may_be_silent=False)
            return None
        if not is_inference(path):
            return self._pages.page(request)
        asked = read_path(path)
        if asked.page != "infer":
            return self._inference_page(request, asked)
        self._let_in(request, may_be_silent=True)
        return None

    def _inference_page(self, request: Request, asked: Asked) -> Response:
        must_read(request)
        arms = self._live.arms
        releases = arms.releases if arms else ()
        status, content = page_of(asked, releases, ready=self._live.open)
        return answered(Reply(status, content, []))

    def _let_in(self, request: Request, *, may_be_silent: bool) -> None:
        """Raises ServiceError S112, S114, S115, S117: the body is not worth reading."""
        if request.method != "POST":
            raise WrongMethod("POST")
        headers = request.headers
        check_type(headers, may_be_silent=may_be_silent)
        length = headers.get("content-length")
        if length is None:
            if "chunked" not in (headers.get("transfer-encoding") or "").lower():
                raise ServiceError("S114", "the request has no body length")
        elif not length.isdecimal() or int(length) > self.limits.body_bytes:
            raise too_large(self.limits.body_bytes)


def _failed() -> ServiceError:
    return ServiceError("S125", "the service failed; its operator can see why")
