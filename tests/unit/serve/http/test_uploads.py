"""Bodies that come through another server: whole, or refused for what they are, and never half."""

import asyncio

import pytest

from interlock.serve.errors import ServiceError
from interlock.serve.http.kept import KeptBodies
from interlock.serve.http.request import Request
from interlock.serve.http.uploads import AT_ONCE, Uploads
from interlock.serve.plan import Limits

LONG = Request("POST", "/", "", {"content-length": str(AT_ONCE + 1)})
SHORT = Request("POST", "/", "", {"content-length": str(AT_ONCE)})
CHUNKED = Request("POST", "/", "", {"transfer-encoding": "chunked"})


class Service:
    """Uploads, of which each can be asked how it ended."""

    def __init__(self, *, most=1 << 20, seconds=60.0):
        self.kept = KeptBodies(most)
        limits = Limits(body_seconds=seconds, body_bytes=100_000)
        self.uploads = Uploads(limits, self.kept)

    def begin(self, request, *parts, ends=False):
        async def body():
            for part in parts:
                yield part
            if not ends:
                await asyncio.Event().wait()

        return asyncio.create_task(self.uploads.read(request, body()))


async def code_of(task):
    with pytest.raises(ServiceError) as caught:
        await task
    return caught.value.code


async def turns(n=5):
    for _ in range(n):
        await asyncio.sleep(0)


def test_a_body_is_all_of_its_parts_and_keeps_nothing_afterwards():
    async def reads():
        service = Service()
        slow = service.begin(CHUNKED, b"a", b"bc")
        await turns()
        assert (service.kept.total, service.uploads.under_way) == (3, 1)
        slow.cancel()
        await asyncio.wait([slow])
        assert slow.cancelled()
        assert (service.kept.total, service.uploads.under_way) == (0, 0)
        return await service.begin(CHUNKED, b"a", b"", b"bc", ends=True)

    assert asyncio.run(reads()) == b"abc"


def test_its_bound_and_its_time():
    async def reads():
        service = Service(seconds=0.01)
        assert await code_of(service.begin(CHUNKED, b"x" * 60_000, b"x" * 60_000)) == "S112"
        assert await code_of(service.begin(CHUNKED, b"x")) == "S128"
        assert (service.kept.total, service.uploads.under_way) == (0, 0)

    asyncio.run(reads())


def test_the_largest_gives_way_and_short_ones_are_not_counted():
    async def reads():
        service = Service(most=1_000)
        short = service.begin(SHORT, b"x" * 5_000)
        large, small = service.begin(LONG, b"x" * 600), service.begin(CHUNKED, b"x" * 300)
        await turns()
        assert service.kept.total == 900
        other = service.begin(CHUNKED, b"x" * 200, ends=True)
        assert await code_of(large) == "S120"
        assert await other == b"x" * 200
        await turns()
        assert service.kept.total == 300
        for task in (short, small):
            assert not task.done()
            task.cancel()
        await asyncio.wait([short, small])

    asyncio.run(reads())


@pytest.mark.parametrize("ends", [True, False])
def test_one_that_is_the_largest_itself_ends_there_and_its_task_goes_on(ends):
    async def reads():
        service = Service(most=1_000)
        assert await code_of(service.begin(CHUNKED, b"x" * 1_001, ends=ends)) == "S120"
        assert service.kept.total == 0

        async def itself():
            async def body():
                yield b"x" * 1_001

            with pytest.raises(ServiceError):
                await service.uploads.read(CHUNKED, body())
            await asyncio.sleep(0)  # it was not cancelled
            return "goes on"

        assert await asyncio.create_task(itself()) == "goes on"

    asyncio.run(reads())


def test_who_is_cancelled_beside_giving_way_stays_cancelled():
    async def reads():
        service = Service(most=1_000)
        large = service.begin(CHUNKED, b"x" * 900)
        await turns()
        other = service.begin(CHUNKED, b"x" * 200, ends=True)
        large.cancel()  # by the server, as its client has gone
        await asyncio.wait([large, other])
        return large.cancelled()

    assert asyncio.run(reads())
