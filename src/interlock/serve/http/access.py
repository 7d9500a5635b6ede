"""One JSON line for each request, for whoever runs the service: what was asked, how it went.

Never a body, a header or a query: those may hold what the prediction log alone should keep. Lines
are written by a thread (:mod:`interlock.serve.lines`): whoever reads them slowly delays no answer,
and learns how many are missing.
"""

from __future__ import annotations

import msgspec

from interlock import clock
from interlock.serve.lines import MOST, Lines
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


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """A line in place of so many that could not be written before it."""

    time: str
    worker: str
    missing: int


class AccessLog:
    """Writes the lines to a file descriptor."""

    def __init__(self, descriptor: int, worker: str, most: int = MOST) -> None:
        self._worker = worker
        self._lines = Lines(descriptor, told=self._missing, most=most)

    @property
    def dropped(self) -> int:
        """Lines that were not written."""
        return self._lines.dropped

    def write(self, method: str, path: str, reply: Reply, seconds: float) -> None:
        """One line; a reader that is slow or has gone is no reason not to answer."""
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
        self._lines.put(_ENCODER.encode(line) + b"\n")

    def close(self) -> None:
        """Write what waits, for at most two seconds."""
        self._lines.close()

    def _missing(self, n: int) -> bytes:
        told = Missing(time=clock.format_instant(clock.now()), worker=self._worker, missing=n)
        return _ENCODER.encode(told) + b"\n"
