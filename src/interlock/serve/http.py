"""The HTTP edge: routes, bounds, the token, and nothing about predictions.

An RSGI application. Rules: a body is read only within its bound and its time; every path but the
two health checks needs the token where one is configured; on loopback the Host header must name
this machine, so that no web page can reach the service through a name of its own (DNS rebinding);
compressed bodies are refused.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import msgspec

from interlock.errors import InterlockError
from interlock.serve.contract import Contract
from interlock.serve.docs_page import POLICY, docs_page
from interlock.serve.errors import (
    FieldMistake,
    InvalidRequest,
    ServiceError,
    Unready,
    error_body,
    status_of,
)
from interlock.serve.inference import (
    OPEN,
    Asked,
    flattened,
    inference_error,
    inferred,
    is_inference,
    page_of,
    read_inference,
    read_path,
)
from interlock.serve.live import LiveRelease
from interlock.serve.log import PredictionLog
from interlock.serve.plan import ServePlan
from interlock.serve.predictor import Predictor
from interlock.serve.replies import Reply
from interlock.serve.schema import openapi, schema_document
from interlock.serve.tick import Tick

JSON = [("content-type", "application/json"), ("x-content-type-options", "nosniff")]
HTML = [
    ("content-type", "text/html; charset=utf-8"),
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
]
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_OPEN = ("/health/live", "/health/ready", *OPEN)
_ENCODER = msgspec.json.Encoder()
_SHOWN = 100  # characters of a query parameter
Page = Callable[[Any], None]


class App:
    """The service as an RSGI application."""

    def __init__(
        self, plan: ServePlan, live: LiveRelease, log: PredictionLog, token: str | None
    ) -> None:
        self._live = live
        self._log = log
        self._limits = plan.limits
        self._waits_for_disk = plan.ack == "disk"
        self._local = plan.on_loopback
        self._token = None if token is None else _hashed(token)
        self._in_flight = 0
        self._tick = Tick(self._file)
        self._explaining = ThreadPoolExecutor(1, thread_name_prefix="explain")
        self._pages: dict[str, Page] = {
            "/health/live": self._alive,
            "/health/ready": self._ready,
            "/v1/status": self._status,
            "/v1/schema": self._schema,
            "/openapi.json": self._openapi,
            "/docs": self._docs,
        }

    @property
    def in_flight(self) -> int:
        """Predictions asked for and not yet answered."""
        return self._in_flight

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Answer one request."""
        try:
            self._admit(scope)
            if scope.path == "/v1/predict":
                await self._predict(scope, proto)
            elif is_inference(scope.path):
                await self._inference(scope, proto)
            else:
                self._page(scope)(proto)
        except ServiceError as error:
            _refuse(proto, error, inference_error if is_inference(scope.path) else error_body)

    def _admit(self, scope: Any) -> None:
        headers = scope.headers
        host = headers.get("host")
        if self._local and host is not None and _name(host) not in _LOCAL_NAMES:
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
            raise _WrongMethod("GET, HEAD")
        return page

    async def _inference(self, scope: Any, proto: Any) -> None:
        """The Open Inference Protocol."""
        asked = read_path(scope.path)
        if asked.page == "infer":
            await self._predict(scope, proto, asked)
            return
        if scope.method not in ("GET", "HEAD"):
            raise _WrongMethod("GET, HEAD")
        predictor = self._live.predictor
        status, content = page_of(
            asked, predictor.release if predictor else None, ready=self._live.open
        )
        proto.response_bytes(status, JSON, content)

    async def _predict(self, scope: Any, proto: Any, asked: Asked | None = None) -> None:
        if scope.method != "POST":
            raise _WrongMethod("POST")
        _check_type(scope.headers, may_be_silent=asked is not None)
        if self._in_flight >= self._limits.in_flight:
            raise ServiceError("S120", "too many requests are in flight; try again")
        self._in_flight += 1
        try:
            body = await self._body(scope.headers, proto)
            predictor = self._live.predictor
            if predictor is None:
                raise Unready("no release is ready; try again")
            if asked is None:
                status, content = await self._answer(predictor, body, scope.query_string)
            else:
                status, content = await self._infer(predictor, body, asked)
        finally:
            self._in_flight -= 1
        proto.response_bytes(status, JSON, content)

    async def _answer(self, predictor: Predictor, body: bytes, query: str) -> tuple[int, bytes]:
        if query:
            return await self._asked_more(predictor, body, query)
        loop = asyncio.get_running_loop()
        return await self._tick.answer(predictor, body, loop)

    async def _infer(self, predictor: Predictor, body: bytes, asked: Asked) -> tuple[int, bytes]:
        try:
            question = read_inference(asked, body, predictor.release)
        except Exception as error:  # noqa: BLE001 - nothing may take the worker down
            status, content = await self._filed(_turned_down(predictor, error, body))
            return status, flattened(content)
        loop = asyncio.get_running_loop()
        status, content = await self._tick.answer(predictor, question.body, loop)
        return status, inferred(question, status, content, predictor.release)

    async def _asked_more(self, predictor: Predictor, body: bytes, query: str) -> tuple[int, bytes]:
        """A request with a query string, answered apart."""
        try:
            reply = await self._reply(predictor, body, query)
        except Exception:  # noqa: BLE001 - nothing may take the worker down
            traceback.print_exc(file=sys.stderr)
            reply = predictor.crashed(body)
        return await self._filed(reply)

    async def _filed(self, reply: Reply) -> tuple[int, bytes]:
        """Status and body of a reply, once its records are written."""
        try:
            synced = self._file(reply.records)
            if synced is not None:
                await synced
        except InterlockError as error:
            return status_of(error), error_body(error)
        return reply.status, reply.body

    async def _reply(self, predictor: Predictor, body: bytes, query: str) -> Reply:
        try:
            explain = _explain(query)
        except ServiceError as error:
            return predictor.refused(error, body)
        if not explain:
            return predictor.prepare(body)
        return await predictor.explained(body, self._explaining)

    def _file(self, records: Sequence[bytes]) -> asyncio.Future[int] | None:
        """Write records; a future where the answer waits for the disk. Raises LogFull."""
        if self._waits_for_disk:
            return asyncio.wrap_future(self._log.submit(records))
        self._log.append(records)
        return None

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
            async with asyncio.timeout(self._limits.body_seconds):
                return await read
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

    def _alive(self, proto: Any) -> None:
        proto.response_bytes(200, JSON, b'{"live":true}')

    def _ready(self, proto: Any) -> None:
        ready = self._live.open
        proto.response_bytes(200 if ready else 503, JSON, _ENCODER.encode({"ready": ready}))

    def _status(self, proto: Any) -> None:
        predictor = self._live.predictor
        status = {
            **self._live.status(),
            "in_flight": self._in_flight,
            "history": None if predictor is None else predictor.standing(),
        }
        proto.response_bytes(200, JSON, _ENCODER.encode(status))

    def _schema(self, proto: Any) -> None:
        proto.response_bytes(200, JSON, _ENCODER.encode(schema_document(self._contract())))

    def _openapi(self, proto: Any) -> None:
        proto.response_bytes(200, JSON, _ENCODER.encode(openapi(self._contract())))

    def _docs(self, proto: Any) -> None:
        proto.response_bytes(200, HTML, docs_page(self._contract()).encode())

    def _contract(self) -> Contract:
        predictor = self._live.predictor
        if predictor is None:
            raise Unready("no release is ready; try again")
        return predictor.release.contract


class _WrongMethod(ServiceError):  # noqa: N818 - a refusal
    """The path does not take this method; ``allowed`` says which it takes."""

    def __init__(self, allowed: str) -> None:
        super().__init__("S117", f"the path takes {allowed} only")
        self.allowed = allowed


def _refuse(proto: Any, error: ServiceError, written: Callable[[InterlockError], bytes]) -> None:
    headers = JSON
    if isinstance(error, _WrongMethod):
        headers = [*JSON, ("allow", error.allowed)]
    elif error.code == "S118":
        headers = [*JSON, ("www-authenticate", "Bearer")]
    elif status_of(error) in (408, 413):  # the rest of the body is not wanted
        headers = [*JSON, ("connection", "close")]
    elif status_of(error) == 503:
        headers = [*JSON, ("retry-after", "1")]
    proto.response_bytes(status_of(error), headers, written(error))


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
