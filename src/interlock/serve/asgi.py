"""The same service for any ASGI server: a thin adapter around the application.

``INTERLOCK_PLAN=plan.json uvicorn --factory interlock.serve.asgi:create``. The server's own process
management applies: one process, and no ``--workers``, whose processes would share a log's name.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from interlock.serve.errors import ServiceError
from interlock.serve.http.app import App
from interlock.serve.http.request import Request
from interlock.serve.plan import read_plan
from interlock.serve.workers.opened import opened

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PLAN = "INTERLOCK_PLAN"


class AsgiApp:
    """An ASGI application; ``open`` gives the service at the server's start-up."""

    def __init__(self, open: Callable[[ExitStack], App]) -> None:
        self._open = open
        self._stack = ExitStack()
        self._app: App | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One connection's scope: the server's life, or a request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:  # a websocket: refused before it opens
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._app = self._open(self._stack)
        except Exception as error:  # noqa: BLE001 - the server must hear why, and ends
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._stack.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        if self._app is None:
            self._app = self._open(self._stack)
        request = Request(
            method=scope["method"],
            path=(scope.get("raw_path") or scope["path"].encode()).decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=_headers(scope["headers"]),
        )
        response = await self._app.respond(request, _Body(receive))
        reply = response.reply
        sent = [(name.encode(), value.encode()) for name, value in response.fields.pairs]
        sent.append((b"content-length", str(len(reply.body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": sent})
        body = b"" if request.method == "HEAD" else reply.body
        await send({"type": "http.response.body", "body": body})


def _headers(given: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """By lower-case name; of several values the first."""
    found: dict[str, str] = {}
    for name, value in given:
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return found


class _Body:
    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Its parts. Raises ServiceError S140."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ServiceError("S140", "the request ended within its body")
            more = message.get("more_body", False)
            yield message.get("body", b"")


def create() -> AsgiApp:
    """The application of the plan that ``INTERLOCK_PLAN`` names. Raises OperatorError S103."""
    path = Path(os.environ.get(PLAN, "plan.json"))
    plan = read_plan(path)
    return AsgiApp(lambda stack: stack.enter_context(opened(plan, path)))
