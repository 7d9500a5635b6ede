"""One connection to a Redis server: several commands, one round trip, one bounded wait.

Invariants: a wait ends in time however few bytes come at a time; a connection that failed half-way
is never used again, so no reply is taken for another; after a failure the server is left alone for
a moment and every question is refused at once; a connection that only went stale (the server was
restarted) is made anew, once, without a failure being seen; a message never holds the password.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from redis.connection import Connection, SSLConnection
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from interlock.clock import monotonic
from interlock.errors import StoreError
from interlock.store.online import Unavailable

PAUSE_SECONDS = 0.25  # after a failure, until the server is asked again

Command = tuple[Any, ...]

_NO_ANSWER = (
    *(RedisError, OSError, ValueError, IndexError, TypeError),
    *(OverflowError, RecursionError),
)
"""What comes of a server that does not answer, or answers with bytes that are no reply."""


@dataclass(frozen=True, kw_only=True)
class RedisAddress:
    """Where the server is and who asks. ``repr`` does not tell the password."""

    host: str
    port: int = 6379
    database: int = 0
    tls: bool = False
    username: str | None = None
    password: str | None = None
    timeout_seconds: float = 0.05

    def __str__(self) -> str:
        scheme = "rediss" if self.tls else "redis"
        return f"{scheme}://{self.host}:{self.port}/{self.database}"

    def __repr__(self) -> str:
        return f"RedisAddress({self})"

    def connection(self) -> Any:
        """A connection of the client library that is not open yet."""
        kind = _TimedSSLConnection if self.tls else _TimedConnection
        return kind(
            host=self.host,
            port=self.port,
            db=self.database,
            username=self.username,
            password=self.password,
            socket_timeout=self.timeout_seconds,
            socket_connect_timeout=self.timeout_seconds,
            protocol=2,
            driver_info=None,  # two round trips less
        )


class _TimedSocket:
    """A socket whose reads must all have ended so many seconds after :meth:`begin`.

    The library's own limit is one of each read, and a server that sends a byte now and then would
    hold whoever waits for it for minutes.
    """

    def __init__(self, connected: Any, seconds: float) -> None:
        self._socket = connected
        self._seconds = seconds
        self.begin()

    def begin(self) -> None:
        """The time runs from now on."""
        self._end = monotonic() + self._seconds

    def recv(self, size: int) -> bytes:
        """Some bytes. Raises TimeoutError."""
        self._wait()
        found: bytes = self._socket.recv(size)
        return found

    def recv_into(self, *given: Any) -> int:
        """The same into memory, as the library's faster parser asks for it."""
        self._wait()
        return int(self._socket.recv_into(*given))

    def _wait(self) -> None:
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError("Timeout reading from socket")
        self._socket.settimeout(left)

    def sendall(self, data: bytes) -> None:
        """Send all of it in the time that one read has."""
        self._socket.settimeout(self._seconds)
        self._socket.sendall(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class _Resolving:
    """Waits for the host's name to be found, one look-up at a time, and only so long.

    The system's own look-up takes as long as it likes, and whoever asks is held meanwhile.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def wait(self, address: RedisAddress) -> None:
        """Raises TimeoutError."""
        if self._thread is None or not self._thread.is_alive():
            given = (address.host, address.port)
            self._thread = threading.Thread(target=_look_up, args=given, daemon=True)
            self._thread.start()
        self._thread.join(address.timeout_seconds)
        if self._thread.is_alive():
            raise TimeoutError("Timeout looking up the host's name")


def _look_up(host: str, port: int) -> None:
    with suppress(OSError):  # who connects is told so by the system
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class _Timed:
    """A connection over such a socket, whichever way it is made."""

    timed: _TimedSocket  # there once it is connected

    def _connect(self) -> _TimedSocket:
        connection, made = cast("Any", self), cast("Any", super())
        self.timed = _TimedSocket(made._connect(), connection.socket_timeout)
        return self.timed


class _TimedConnection(_Timed, Connection):
    """Without TLS."""


class _TimedSSLConnection(_Timed, SSLConnection):
    """With TLS."""


class RedisLink:
    """Asks the server; for one thread at a time."""

    def __init__(self, address: RedisAddress, *, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._address = address
        self._pause_seconds = pause_seconds
        self._connection = address.connection()
        self._resolving = _Resolving()
        self._fresh = True
        self._again_at = 0.0
        self._problem = ""

    def ask(self, commands: Sequence[Command], *, repeat: bool = False) -> list[Any]:
        """The reply to each command, in order.

        ``repeat``: they may be asked once more over a new connection when the old one is gone.
        Raises Unavailable F120 when the server does not answer in time, or refuses; StoreError L132
        when it is full.
        """
        if self._again_at and monotonic() < self._again_at:
            raise self.unavailable(self._problem)
        try:
            replies = self._asked(commands, repeat)
        except OutOfMemoryError as error:
            raise self._full(str(error)) from None
        except _NO_ANSWER as error:
            self._problem = str(error) or type(error).__name__
            self._again_at = monotonic() + self._pause_seconds
            self.close()
            raise self.unavailable(self._problem) from None
        except BaseException:
            self.close()  # interrupted between a question and its answer
            raise
        self._again_at = 0.0
        return replies

    def pointer(self, name: str) -> int | None:
        """The grid point that a key names; None without it. Raises Unavailable F120."""
        return self.grid(self.ask([("GET", name)], repeat=True)[0])

    def grid(self, pointer: bytes | None) -> int | None:
        """The grid point that was answered. Raises Unavailable F120 for what is none."""
        try:
            return None if pointer is None else int(pointer)
        except (TypeError, ValueError):
            raise self.unavailable(f"the pointer is no grid point: {pointer!r:.50}") from None

    def close(self) -> None:
        """Drop the connection; the next question makes another."""
        self._connection.disconnect()
        self._connection = self._address.connection()
        self._fresh = True

    def unavailable(self, problem: str) -> Unavailable:
        """The error that says so."""
        return Unavailable(
            "F120",
            "the online store is unavailable",
            where=str(self._address),
            expected="a table that 'interlock refresh' wrote",
            got=problem,
            fix="check that the server runs and its password, then run 'interlock refresh'",
        )

    def _asked(self, commands: Sequence[Command], repeat: bool) -> list[Any]:
        was_fresh = self._fresh
        try:
            return self._sent(commands)
        except LostConnection:
            if was_fresh or not repeat:
                raise
            self.close()
            return self._sent(commands)

    def _sent(self, commands: Sequence[Command]) -> list[Any]:
        connection = self._connection
        if self._fresh:
            self._resolving.wait(self._address)
            connection.connect()
            self._fresh = False
        connection.timed.begin()
        connection.send_packed_command(connection.pack_commands(commands))
        replies, refused = [], None
        for _ in commands:
            try:
                replies.append(connection.read_response())
            except ResponseError as error:
                refused = refused or error
        if refused is not None:
            raise refused
        return replies

    def _full(self, problem: str) -> StoreError:
        return StoreError(
            "L132",
            "the online store is full",
            where=str(self._address),
            expected="memory for another table",
            got=problem,
            fix="raise the server's maxmemory, or keep fewer grid points",
            untouched="the tables that are there, which go on answering",
        )
