"""One connection to a Redis server: several commands, one round trip, one bounded wait.

Invariants: a connection that failed half-way is never used again, so no reply is taken for another;
after a failure the server is left alone for a moment and every question is refused at once; a
connection that only went stale (the server was restarted) is made anew, once, without a failure
being seen; a message never holds the password.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.connection import Connection, SSLConnection
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from interlock.clock import monotonic
from interlock.errors import StoreError
from interlock.store.online import Unavailable

PAUSE_SECONDS = 0.25  # after a failure, until the server is asked again

Command = tuple[Any, ...]

_NO_ANSWER = (RedisError, OSError, ValueError, IndexError, TypeError)
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
        kind = SSLConnection if self.tls else Connection
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


class RedisLink:
    """Asks the server; for one thread at a time."""

    def __init__(self, address: RedisAddress, *, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._address = address
        self._pause_seconds = pause_seconds
        self._connection = address.connection()
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
            connection.connect()
            self._fresh = False
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
