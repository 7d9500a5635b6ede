"""What the service says of itself: health, status, metrics, schema, documentation."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from interlock.serve.contract import Contract
from interlock.serve.errors import ServiceError, Unready
from interlock.serve.http.docs_page import docs_page
from interlock.serve.http.request import Request
from interlock.serve.http.response import HTML, PLAIN, Response, WrongMethod, json_response
from interlock.serve.http.schema import openapi, schema_document
from interlock.serve.http.worker_status import WorkerStatus
from interlock.serve.replies import Reply
from interlock.serve.rollout.live import LiveRelease

_ENCODER = msgspec.json.Encoder()
READS = ("GET", "HEAD")


class Pages:
    """The pages of one worker, by path."""

    def __init__(self, live: LiveRelease, status: WorkerStatus) -> None:
        self._live = live
        self._status = status
        self._pages: dict[str, Callable[[], Response]] = {
            "/health/live": self._alive,
            "/health/ready": self._ready,
            "/v1/status": self._told,
            "/metrics": self._measured,
            "/v1/schema": self._schema,
            "/openapi.json": self._openapi,
            "/docs": self._docs,
        }

    def __contains__(self, path: str) -> bool:
        """Whether there is a page of this path."""
        return path in self._pages

    def page(self, request: Request) -> Response:
        """The page asked for. Raises ServiceError S116, S117, S127."""
        page = self._pages.get(request.path)
        if page is None:
            raise ServiceError("S116", "there is no such path; /docs names those there are")
        must_read(request)
        return page()

    def _alive(self) -> Response:
        return json_response(b'{"live":true}')

    def _ready(self) -> Response:
        ready = self._live.open
        return json_response(_ENCODER.encode({"ready": ready}), 200 if ready else 503)

    def _told(self) -> Response:
        return json_response(_ENCODER.encode(self._status.told()))

    def _measured(self) -> Response:
        return Response(Reply(200, self._status.exposition().encode(), []), PLAIN)

    def _schema(self) -> Response:
        return json_response(_ENCODER.encode(schema_document(self._contract())))

    def _openapi(self) -> Response:
        return json_response(_ENCODER.encode(openapi(self._contract())))

    def _docs(self) -> Response:
        return Response(Reply(200, docs_page(self._contract()).encode(), []), HTML)

    def _contract(self) -> Contract:
        arms = self._live.arms
        if arms is None:
            raise Unready("no release is ready; try again")
        return arms.champion.release.contract


def must_read(request: Request) -> None:
    """Raises WrongMethod for a request that would do more than read a page."""
    if request.method not in READS:
        raise WrongMethod("GET, HEAD")
