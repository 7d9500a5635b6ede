"""One JSON line for each request, for whoever runs the service: what was asked, how it went.

Never a body, a header or a query: those may hold what the prediction log alone should keep.
"""

from __future__ import annotations

import os
from contextlib import suppress

import msgspec

from interlock import clock
from interlock.serve.replies import Reply

_ENCODER = msgspec.json.Encoder()
_LONGEST = 200  # characters of a path


class Access(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line: ``id`` is the prediction's (of a list, the first), ``us`` microseconds."""

    time: str
    method: str
    path: str
    status: int
    us: int
    worker: str
    id: str = ""
    release: str = ""


class AccessLog:
    """Writes the lines to a file descriptor."""

    def __init__(self, descriptor: int, worker: str) -> None:
        self._descriptor = descriptor
        self._worker = worker

    def write(self, method: str, path: str, reply: Reply, seconds: float) -> None:
        """One line; a reader that has gone is no reason not to answer."""
        line = Access(
            time=clock.format_instant(clock.now()),
            method=method[:_LONGEST],
            path=path[:_LONGEST],
            status=reply.status,
            us=round(seconds * 1e6),
            worker=self._worker,
            id=reply.id,
            release=reply.release,
        )
        with suppress(OSError):
            os.write(self._descriptor, _ENCODER.encode(line) + b"\n")
