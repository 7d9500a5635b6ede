"""The same service on Granian, by its own interface (RSGI): a thin adapter around the application.

Source: https://github.com/emmett-framework/granian/blob/master/docs/spec/RSGI.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from interlock.serve.http.app import App
from interlock.serve.http.connection import HEAD_SECONDS
from interlock.serve.http.head import MOST_HEAD
from interlock.serve.http.request import Request
from interlock.serve.http.uploads import AT_ONCE

_BACKLOG = 1_024


class RsgiApp:
    """The application as Granian calls it."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer one request."""
        request = Request(scope.method, scope.path, scope.query_string, scope.headers)
        response = await self._app.respond(request, _Body(request, protocol))
        reply = response.reply
        protocol.response_bytes(reply.status, response.fields.pairs, reply.body)


class _Body:
    def __init__(self, request: Request, protocol: Any) -> None:
        self._request = request
        self._protocol = protocol

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Its parts; a short one is waited for as a whole."""
        length = self._request.headers.get("content-length")
        if length is not None and int(length) <= AT_ONCE:  # the edge has looked at it
            yield await self._protocol()
            return
        async for part in self._protocol:
            yield part


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
