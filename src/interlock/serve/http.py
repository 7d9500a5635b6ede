"""The HTTP edge: routes, bounds, the token, and nothing about predictions.

An RSGI application; :mod:`interlock.serve.asgi` carries the same. Rules: a body is read only within
its bound and its time, and one that is not read closes the connection; every path but the two
health checks needs the token where one is configured; on loopback the Host header must name this
machine, so that no web page can reach the service through a name of its own (DNS rebinding); a
request of two lengths is refused, and so are compressed bodies.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import perf_counter
from typing import Any

import msgspec
from msgspec.structs import replace

from interlock.clock import now
from interlock.errors import InterlockError
from interlock.serve.access import AccessLog
from interlock.serve.arms import Arms
from interlock.serve.contract import Contract
from interlock.serve.deadline import Deadline
from interlock.serve.docs_page import docs_page
from interlock.serve.errors import (
    ServiceError,
    Unready,
)
from interlock.serve.exposition import exposition
from interlock.serve.group import Group
from interlock.serve.inference import (
    OPEN,
    Asked,
    inference_error,
    is_inference,
    page_of,
    read_path,
)
from interlock.serve.live import LiveRelease
from interlock.serve.log import PredictionLog
from interlock.serve.metrics import Metrics, Snapshot
from interlock.serve.outcome import outcome_bytes
from interlock.serve.outcomes import OutcomeReader
from interlock.serve.plan import ServePlan
from interlock.serve.replies import Reply
from interlock.serve.replying import ARM_HEADER, Replying
from interlock.serve.response import (
    HTML,
    PLAIN,
    Response,
    WrongMethod,
    answered,
    has_body,
    json_response,
    refused,
)
from interlock.serve.schema import openapi, schema_document
from interlock.serve.shipping_state import Standing, standing
from interlock.serve.tick import refusal
from interlock.serve.traces import Traces

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_OPEN = ("/health/live", "/health/ready", *OPEN)
_ENCODER = msgspec.json.Encoder()
_SHOWN = 100  # characters of a query parameter
Page = Callable[[], Response]


class App:
    """The service as an RSGI application."""

    def __init__(
        self,
        plan: ServePlan,
        live: LiveRelease,
        log: PredictionLog,
        token: str | None,
        group: Group | None = None,
        traces: Traces | None = None,
    ) -> None:
        self._live = live
        self._log = log
        self._limits = plan.limits
        self._in_time = Deadline(plan.limits.body_seconds)
        self._local = plan.on_loopback
        self._token = None if token is None else _hashed(token)
        self._in_flight = 0
        self._arm = plan.arm
        self._group = group
        self._metrics = Metrics(plan.worker)
        self._outcomes = OutcomeReader(max_rows=plan.limits.rows)
        self._access = None if plan.access_log is None else AccessLog(plan.access_log, plan.worker)
        self._traces = traces
        may_pin = plan.pinned_arms or token is not None
        self._replying = Replying(log, waits_for_disk=plan.ack == "disk", may_pin=may_pin)
        self._pages: dict[str, Page] = {
            "/health/live": self._alive,
            "/health/ready": self._ready,
            "/v1/status": self._status,
            "/metrics": self._measured,
            "/v1/schema": self._schema,
            "/openapi.json": self._openapi,
            "/docs": self._docs,
        }

    @property
    def in_flight(self) -> int:
        """Predictions asked for and not yet answered."""
        return self._in_flight

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Answer one request of an RSGI server."""
        reply, headers = await self.respond(scope, proto)
        proto.response_bytes(reply.status, headers, reply.body)

    async def respond(self, scope: Any, body: Any) -> Response:
        """The answer to one request, however it came.

        ``scope`` has ``method``, ``path``, ``query_string`` and ``headers`` with ``get``; ``body``
        is awaited for all of it when called, and iterates over its parts.
        """
        begun = perf_counter()
        path = scope.path
        try:
            self._admit(scope)
            if path == "/v1/predict":
                response = answered(await self._predict(scope, body))
            elif is_inference(path):
                response = answered(await self._inference(scope, body))
            elif path == "/v1/outcomes":
                response = answered(await self._told(scope, body))
            else:
                response = self._page(scope)()
        except ServiceError as error:
            response = refused(error, unread=has_body(scope.headers))
            self._metrics.shed += error.code == "S120"
            if is_inference(path):
                reply = replace(response.reply, body=inference_error(error))
                response = response._replace(reply=reply)
        self._note(scope, path, response.reply, perf_counter() - begun)
        return response

    def _note(self, scope: Any, path: str, reply: Reply, seconds: float) -> None:
        route = self._known(path)
        self._metrics.answered(route, reply.status, seconds, release=reply.release, arm=reply.arm)
        if reply.instead:
            rollout = self._live.status().get("rollout")  # it may have ended meanwhile
            self._metrics.stood_in(rollout["release"] if rollout else "", reply.instead)
        if self._access is not None:
            self._access.write(scope.method, path, reply, seconds)
        if self._traces is not None:
            self._traces.record(scope.method, route, scope.headers, reply, seconds)

    def _known(self, path: str) -> str:
        """The path as a label, of which there are few."""
        if path in ("/v1/predict", "/v1/outcomes") or path in self._pages:
            return path
        return "/v2" if is_inference(path) else "other"

    def _admit(self, scope: Any) -> None:
        headers = scope.headers
        host = headers.get("host")
        if headers.get("content-length") is not None and headers.get("transfer-encoding"):
            raise ServiceError("S140", "the request has two lengths")
        if self._local and host is None:
            raise ServiceError("S140", "the request has no Host header")
        if self._local and _name(host) not in _LOCAL_NAMES:
            raise ServiceError("S119", "the Host header names another host")
        if self._token is None or scope.path in _OPEN:
            return
        scheme, _, token = (headers.get("authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(_hashed(token), self._token):
            raise ServiceError("S118", "a bearer token is needed")

    def _page(self, scope: Any) -> Page:
        page = self._pages.get(scope.path)
        if page is None:
            raise ServiceError("S116", "there is no such path")
        if scope.method not in ("GET", "HEAD"):
            raise WrongMethod("GET, HEAD")
        return page

    async def _inference(self, scope: Any, proto: Any) -> Reply:
        """The Open Inference Protocol."""
        asked = read_path(scope.path)
        if asked.page == "infer":
            return await self._predict(scope, proto, asked)
        if scope.method not in ("GET", "HEAD"):
            raise WrongMethod("GET, HEAD")
        predictor = self._live.predictor
        status, content = page_of(
            asked, predictor.release if predictor else None, ready=self._live.open
        )
        return Reply(status, content, [])

    async def _predict(self, scope: Any, proto: Any, asked: Asked | None = None) -> Reply:
        self._let_in(scope, may_be_silent=asked is not None)
        self._in_flight += 1
        try:
            body = await self._body(scope.headers, proto)
            arms, arm = self._ready_arms(), scope.headers.get(ARM_HEADER)
            if asked is not None:
                return await self._replying.infer(arms, body, asked, arm)
            return await self._replying.answer(arms, body, scope.query_string, arm)
        finally:
            self._in_flight -= 1

    async def _told(self, scope: Any, proto: Any) -> Reply:
        """What became of predictions: answered once it is in the log. Raises ServiceError."""
        self._let_in(scope, may_be_silent=False)
        self._in_flight += 1
        try:
            body = await self._body(scope.headers, proto)
            contract = self._ready_arms().champion.release.contract
            told = self._outcomes.read(body, contract.answer, now=now(), product=contract.product)
            try:
                await self._replying.keep(list(map(outcome_bytes, told)))
            except InterlockError as error:
                return refusal(error)
            self._metrics.outcomes += len(told)
            return Reply(200, _ENCODER.encode({"logged": len(told)}), [])
        finally:
            self._in_flight -= 1

    def _let_in(self, scope: Any, *, may_be_silent: bool) -> None:
        """Raises ServiceError S115, S117, S120 for a request whose body is not worth reading."""
        if scope.method != "POST":
            raise WrongMethod("POST")
        _check_type(scope.headers, may_be_silent=may_be_silent)
        if self._in_flight >= self._limits.in_flight:
            raise ServiceError("S120", "too many requests are in flight; try again")

    def _ready_arms(self) -> Arms:
        """Who answers. Raises Unready."""
        arms = self._live.arms
        if arms is None:
            raise Unready("no release is ready; try again")
        return arms

    async def _body(self, headers: Any, proto: Any) -> bytes:
        """The body, within its bound and its time. Raises ServiceError S112, S114, S128."""
        length = headers.get("content-length")
        read: Awaitable[bytes]
        if length is not None:
            if not length.isdecimal() or int(length) > self._limits.body_bytes:
                raise self._too_large()
            read = proto()
        elif "chunked" in (headers.get("transfer-encoding") or "").lower():
            read = self._chunks(proto)
        else:
            raise ServiceError("S114", "the request has no body length")
        try:
            return await self._in_time.on(read)
        except TimeoutError:
            raise ServiceError("S128", "the body did not arrive in time") from None

    async def _chunks(self, proto: Any) -> bytes:
        parts, size = [], 0
        async for part in proto:
            size += len(part)
            if size > self._limits.body_bytes:
                raise self._too_large()
            parts.append(part)
        return b"".join(parts)

    def _too_large(self) -> ServiceError:
        return ServiceError("S112", f"the body is larger than {self._limits.body_bytes} bytes")

    def _alive(self) -> Response:
        return json_response(b'{"live":true}')

    def _ready(self) -> Response:
        ready = self._live.open
        return json_response(_ENCODER.encode({"ready": ready}), 200 if ready else 503)

    def _status(self) -> Response:
        predictor = self._live.predictor
        status = {
            **self._live.status(),
            "in_flight": self._in_flight,
            "isolated": predictor is not None and predictor.release.contract.isolated,
            "history": None if predictor is None else predictor.standing(),
            "shipping": self._shipping(),
        }
        return json_response(_ENCODER.encode(status))

    def _shipping(self) -> Standing | None:
        """How shipping of the log stands; a few small files are looked at."""
        with suppress(OSError):
            return standing(self._log.directory)
        return None

    def _measured(self) -> Response:
        """The metrics of all workers: the others' as they last left them."""
        others = [] if self._group is None else self._group.published()
        text = exposition([self.snapshot(), *others], self._shipping())
        return Response(Reply(200, text.encode(), []), PLAIN)

    def publish(self) -> None:
        """Leave the counts for the other workers, where there are any."""
        if self._group is not None:
            with suppress(OSError):  # a full disk must not end the service
                self._group.publish(self.snapshot())

    def snapshot(self) -> Snapshot:
        """What this worker has counted, and how it stands."""
        predictor = self._live.predictor
        histories = {} if predictor is None else predictor.standing().histories
        live = self._live.status()
        release = (live["release"] or "", live["digest"], self._arm, live["generation"])
        return self._metrics.snapshot(
            in_flight=self._in_flight,
            log_bytes=self._log.written,
            log_dropped=self._log.tally.dropped,
            log_unsynced=self._log.unsynced,
            staleness={name: f.age_seconds for name, f in histories.items() if f is not None},
            release=release if live["digest"] else None,
            rollout=None if (trial := live.get("rollout")) is None else _share_of(trial),
        )

    def _schema(self) -> Response:
        return json_response(_ENCODER.encode(schema_document(self._contract())))

    def _openapi(self) -> Response:
        return json_response(_ENCODER.encode(openapi(self._contract())))

    def _docs(self) -> Response:
        return Response(Reply(200, docs_page(self._contract()).encode(), []), HTML)

    def _contract(self) -> Contract:
        return self._ready_arms().champion.release.contract


def _share_of(rollout: dict[str, Any]) -> tuple[str, str, float]:
    return rollout["release"], rollout["digest"], rollout["share"]


def _check_type(headers: Any, *, may_be_silent: bool) -> None:
    """Raises ServiceError S115. Public v2 clients name no type; a web page would name itself."""
    kind = (headers.get("content-type") or "").partition(";")[0].strip().lower()
    coding = (headers.get("content-encoding") or "identity").strip().lower()
    if headers.get("inference-header-content-length") is not None:
        raise ServiceError("S115", "the binary tensor extension is not offered; send JSON data")
    if may_be_silent and not kind and headers.get("origin") is None:
        kind = "application/json"
    if kind != "application/json" or coding != "identity":
        raise ServiceError("S115", "the body is not declared as plain application/json")


def _name(host: str) -> str:
    """The Host header without its port: '127.0.0.1:80' → '127.0.0.1', '[::1]:80' → '[::1]'."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()
