"""Bodies that come through another server, which has the connection: their bound and their time.

Rules: a body that was declared to be no longer than :data:`AT_ONCE` waits unseen, for it weighs no
more than a connection may; any other is counted as it comes with those of all others
(:mod:`interlock.serve.http.kept`), as far as that server gives it in parts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Protocol

from interlock.serve.http.deadline import Deadline
from interlock.serve.http.kept import KeptBodies, too_large, too_many_kept, too_slow
from interlock.serve.http.request import Request
from interlock.serve.plan import Limits

AT_ONCE = 1 << 16  # bytes


class Body(Protocol):
    """A body under way."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Its parts as they come. Raises ServiceError S140 where it breaks off."""


class Uploads:
    """Reads bodies; ``under_way`` are those that have not come whole."""

    def __init__(self, limits: Limits, kept: KeptBodies) -> None:
        self.under_way = 0
        self._most = limits.body_bytes
        self._kept = kept
        self._in_time = Deadline(limits.body_seconds)

    async def read(self, request: Request, body: Body) -> bytes:
        """All of it. Raises ServiceError S112, S120, S128, S140."""
        upload = _Upload(asyncio.current_task(), request.headers.get("content-length"))
        self.under_way += 1
        try:
            return await self._in_time.on(self._whole(upload, body))
        except TimeoutError:
            raise too_slow() from None
        except asyncio.CancelledError:
            if upload.gave_way and upload.task is not None and not upload.task.uncancel():
                raise too_many_kept() from None
            raise
        finally:
            self.under_way -= 1
            if upload.counted:
                self._kept.hold(upload, 0)

    async def _whole(self, upload: _Upload, body: Body) -> bytes:
        parts, size = [], 0
        async for part in body:
            size += len(part)
            if size > self._most:
                raise too_large(self._most)
            parts.append(part)
            if upload.counted:
                self._kept.hold(upload, size)
                if upload.gave_way:
                    raise too_many_kept()
        return b"".join(parts)


class _Upload:
    """One body; ``counted``: it is one of those that count."""

    def __init__(self, task: asyncio.Task[Any] | None, length: str | None) -> None:
        self.task = task
        self.counted = length is None or int(length) > AT_ONCE
        self.gave_way = False

    def give_way(self) -> None:
        """End its reading, where it waits; what runs at this moment sees it for itself."""
        self.gave_way = True
        if self.task is not None and self.task is not asyncio.current_task():
            self.task.cancel()
