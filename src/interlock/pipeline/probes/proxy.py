"""A server between a client and another server, which can be made to fail on purpose.

It passes bytes on as they come. *Closed*, it ends every connection and every new one at once;
*slow*, it holds back what the other server answers; *spoiling*, it flips a bit in every answer.
"""

from __future__ import annotations

import random
import socket
import ssl
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

_PART = 1 << 16  # bytes
_CONNECT_SECONDS = 5.0


class Proxy:
    """Listens on this machine and passes on to ``host:port``, there with TLS where asked."""

    def __init__(self, host: str, port: int, *, tls: bool = False, seed: str = "") -> None:
        self._host, self._port, self._tls = host, port, tls
        self._rng = random.Random(seed)  # noqa: S311 - the same damage every time
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = self._spoiling = False
        self._delay = 0.0
        self._thread = threading.Thread(target=self._accept, daemon=True, name="proxy")
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def well(self) -> None:
        """Pass everything on again."""
        self._closed = self._spoiling = False
        self._delay = 0.0

    def close_all(self) -> None:
        """End every connection there is, and every new one at once."""
        self._closed = True
        self._end_all()

    def slow(self, seconds: float) -> None:
        """Hold back every answer so long."""
        self._delay = seconds

    def spoil(self) -> None:
        """Flip a bit in everything that is answered."""
        self._spoiling = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._end_all()

    def _end_all(self) -> None:
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._closed:
                near.close()
                continue
            try:
                far = self._connected()
            except OSError:
                near.close()
                continue
            with self._lock:
                self._open |= {near, far}
            for source, sink, answers in ((near, far, False), (far, near, True)):
                threading.Thread(
                    target=self._pass, args=(source, sink, answers), daemon=True
                ).start()

    def _connected(self) -> socket.socket:
        far = socket.create_connection((self._host, self._port), timeout=_CONNECT_SECONDS)
        far.settimeout(None)
        if not self._tls:
            return far
        return ssl.create_default_context().wrap_socket(far, server_hostname=self._host)

    def _pass(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(_PART):
                if answers and self._delay:
                    time.sleep(self._delay)
                if answers and self._spoiling:
                    data = self._spoiled(data)
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _spoiled(self, data: bytes) -> bytes:
        place, bit = self._rng.randrange(len(data)), 1 << self._rng.randrange(8)
        return data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]
