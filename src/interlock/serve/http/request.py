"""One HTTP request as the service reads it, whichever server took it off the wire.

>>> request = Request("GET", "/v1/schema", "", {"host": "localhost", "content-length": "0"})
>>> request.has_body, request.headers.get("origin")
(False, None)
"""

from __future__ import annotations

from time import perf_counter
from typing import Protocol

import msgspec


class Headers(Protocol):
    """Header fields by lower-case name; of several of a name, one."""

    def get(self, name: str, /) -> str | None:
        """The field's value, None where there is none."""

    def __contains__(self, name: object, /) -> bool:
        """Whether there is such a field."""


class Request(msgspec.Struct, gc=False):
    """A request's head.

    ``path`` as it was sent (Granian gives it decoded), ``query`` without the question mark;
    ``begun`` is when it was read, in seconds of ``perf_counter``.
    """

    method: str
    path: str
    query: str
    headers: Headers
    begun: float = msgspec.field(default_factory=perf_counter)

    @property
    def has_body(self) -> bool:
        """Whether a body follows."""
        length = self.headers.get("content-length")
        return length not in (None, "0") or self.headers.get("transfer-encoding") is not None
