"""The same service on Granian, by its own interface (RSGI): a thin adapter around the application.

Source: https://github.com/emmett-framework/granian/blob/master/docs/spec/RSGI.md.
"""

from __future__ import annotations

from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from interlock.serve.http.app import App, too_large
from interlock.serve.http.connection import HEAD_SECONDS
from interlock.serve.http.head import MOST_HEAD
from interlock.serve.http.request import Request

_BACKLOG = 1_024


class RsgiApp:
    """The application as Granian calls it."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer one request."""
        request = Request(scope.method, scope.path, scope.query_string, scope.headers)
        reply, fields = await self._app.respond(request, _Body(request, protocol))
        protocol.response_bytes(reply.status, fields.pairs, reply.body)


class _Body:
    def __init__(self, request: Request, protocol: Any) -> None:
        self._request = request
        self._protocol = protocol

    async def read(self, most: int) -> bytes:
        """All of it. Raises ServiceError S112."""
        if self._request.headers.get("content-length") is not None:  # the edge has looked at it
            whole: bytes = await self._protocol()
            return whole
        parts, size = [], 0
        async for part in self._protocol:
            size += len(part)
            if size > most:
                raise too_large(most)
            parts.append(part)
        return b"".join(parts)


def server_of(app: Any, host: str, port: int) -> Server:
    """The HTTP server for an RSGI application, with the bounds of a worker."""
    return Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=round(HEAD_SECONDS * 1e3), max_buffer_size=MOST_HEAD
        ),
        websockets=False,
        backlog=_BACKLOG,
        log_enabled=False,
    )
