"""Interlock's own HTTP server: a listening socket, its connections, and one clock for all of them.

One timer looks at all connections ten times a second; between two looks time stands still, so the
times of :mod:`interlock.serve.http.connection` are kept to a tenth of a second.

Where all places are taken, a newcomer gets that of a connection on which nothing is asked
(:mod:`interlock.serve.http.room`).
"""

from __future__ import annotations

import asyncio
import socket
from email.utils import formatdate

from interlock import clock
from interlock.serve.http.app import App
from interlock.serve.http.connection import Connection
from interlock.serve.http.room import Room

_LOOK_SECONDS = 0.1
_BACKLOG = 1_024
_TOLD = 64  # connections beyond the bound that are told so; more are closed without a word
_TURN = 0.005  # seconds


class Listener:
    """Takes at most so many connections for an application.

    ``closing``: answers are the last of theirs.
    """

    def __init__(self, app: App, most: int) -> None:
        self.now = clock.monotonic()
        self.date = b""
        self.closing = False
        self._app = app
        self._most = most
        self._connections: dict[Connection, None] = {}  # in the order in which they came
        self._refused: set[Connection] = set()  # there was no place for them
        self._room: Room[Connection] = Room()
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._look()

    async def listen(self, bound: socket.socket) -> None:
        """Take connections on a bound socket."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._app, self), sock=bound, backlog=_BACKLOG
        )

    def opened(self, connection: Connection) -> bool:
        """Whether there is room for one more."""
        if len(self._connections) < self._most or self._displaced():
            self._connections[connection] = None
            return True
        self._refused.add(connection)
        if len(self._refused) > _TOLD:
            connection.abort()
        return False

    def closed(self, connection: Connection) -> None:
        """It is gone."""
        self._connections.pop(connection, None)
        self._refused.discard(connection)

    def _displaced(self) -> bool:
        """Close the connection that has waited longest without a request; whether there is one."""
        found = self._room.whose(self._connections, self.now)
        if found is None:
            return False
        del self._connections[found]
        self._app.status.metrics.displaced += 1
        found.abort()
        return True

    async def stop(self, seconds: float) -> None:
        """Answer what has come, at most so long, and close.

        What is under way is waited for although whoever asked has gone: it belongs into the log.
        """
        self.closing = True
        await asyncio.sleep(_TURN)  # who waits to be let in, or has just asked, has come
        if self._server is not None:
            self._server.close()
        end = clock.monotonic() + seconds
        while (self._all() or self._app.status.in_flight) and clock.monotonic() < end:
            for connection in self._all():
                connection.end()
            await asyncio.sleep(_TURN)
        for connection in self._all():
            connection.abort()
        if self._timer is not None:
            self._timer.cancel()

    def _all(self) -> list[Connection]:
        return [*self._connections, *self._refused]

    def _look(self) -> None:
        """Set the clocks, and end what has taken too long; whatever comes of that, look again."""
        self.now = now = clock.monotonic()
        self.date = f"date: {formatdate(usegmt=True)}\r\n".encode()
        self._timer = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)
        if len(self._connections) < self._most:
            self._room.forget()
        for connection in [c for c in self._all() if c.deadline < now]:
            connection.overdue()
