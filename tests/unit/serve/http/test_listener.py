"""The owner of connections: its clock goes on, and stopping leaves nothing half done."""

import asyncio
import socket
from types import SimpleNamespace

import pytest

from interlock.serve.http import listener as module
from interlock.serve.http.kept import KeptBodies
from interlock.serve.http.known_heads import KnownHeads
from interlock.serve.http.listener import Listener
from interlock.serve.http.response import JSON, Response, json_response, refused
from interlock.serve.metrics import Metrics
from interlock.serve.replies import Reply


def app(in_flight=0):
    return SimpleNamespace(status=SimpleNamespace(in_flight=in_flight))


class Overdue:
    """A connection whose time is over, and whose end fails."""

    deadline = -1.0
    looked = 0

    def overdue(self):
        self.looked += 1
        raise ZeroDivisionError


def test_a_connection_that_cannot_be_ended_keeps_no_other_from_its_time(monkeypatch):
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.0)

    async def looks():
        listener, told = Listener(app(), 1), []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        connection = Overdue()
        listener.opened(connection)
        while connection.looked < 3:
            await asyncio.sleep(0)
        listener.closed(connection)
        await listener.stop(0)
        return told

    told = asyncio.run(looks(), debug=False)
    assert {type(context["exception"]) for context in told} == {ZeroDivisionError}


def test_stopping_waits_for_answers_whose_asker_has_gone():
    async def stops():
        service = app(in_flight=1)
        stopping = asyncio.create_task(Listener(service, 1).stop(60))
        await asyncio.sleep(0.05)
        early = stopping.done()
        service.status.in_flight = 0
        await stopping
        return early

    assert asyncio.run(stops()) is False


def test_of_connections_beyond_the_bound_some_are_told_so_and_none_are_kept():
    class Counted:
        deadline = float("inf")
        aborted = False

        def waits_since(self):
            return float("inf")

        def abort(self):
            self.aborted = True

    async def opens():
        listener = Listener(app(), 3)
        found = [Counted() for _ in range(200)]
        let_in = [listener.opened(connection) for connection in found]
        aborted = [connection.aborted for connection in found]
        await listener.stop(0)
        return let_in, aborted

    let_in, aborted = asyncio.run(opens())
    assert let_in == [True] * 3 + [False] * 197
    assert aborted == [False] * 67 + [True] * 133


class Service:
    """Answers pages at once, and what is posted when it is told to."""

    def __init__(self):
        self.limits = SimpleNamespace(body_bytes=1_000, body_seconds=60.0)
        self.kept, self.heads = KeptBodies(1 << 20), KnownHeads()
        self.status = SimpleNamespace(in_flight=0, metrics=Metrics("w0"))
        self.waiting = []

    def enter(self, request):
        return json_response(b"page") if request.method == "GET" else None

    def answer(self, request, body, then):
        self.status.in_flight += 1
        self.waiting.append(then)

    def refuse(self, request, error):
        return refused(error)

    def malformed(self, error):
        return refused(error)

    def reply(self):
        self.status.in_flight -= 1
        self.waiting.pop(0)(Response(Reply(200, b"answer", []), JSON))


PAGE = b"GET /page HTTP/1.1\r\nhost: localhost\r\n\r\n"
ASKED = b"POST /ask HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n"


def served(most, talk):
    """What ``talk(service, connected)`` gives, of a listener with so many places on a socket."""

    async def serving():
        service, ends = Service(), []
        bound = socket.create_server(("127.0.0.1", 0))
        address, listener = bound.getsockname(), Listener(service, most)
        await listener.listen(bound)

        async def connected(data=b""):
            reader, writer = await asyncio.open_connection(*address)
            ends.append(writer)
            writer.write(data)
            return reader, writer

        try:
            return await talk(service, connected)
        finally:
            for writer in ends:
                writer.close()
            await listener.stop(1)

    return asyncio.run(serving(), debug=False)


async def status(end):
    head = await end[0].readuntil(b"\r\n\r\n")
    await end[0].readuntil(b"page" if b"200" in head else b"}}")
    return int(head.split()[1])


@pytest.mark.parametrize("how", [b"", PAGE[:-2], PAGE])
def test_a_newcomer_gets_the_place_of_who_has_asked_nothing_for_longest(how):
    async def talk(service, connected):
        silent = [await connected(how) for _ in range(8)]
        if how == PAGE:
            assert [await status(end) for end in silent] == [200] * 8
        await asyncio.sleep(0.3)  # the clock is a coarse one
        newcomers = [await connected(PAGE) for _ in range(5)]
        found = [await status(end) for end in newcomers]
        gone = [await end[0].read() for end in silent[:5]]
        for end in silent[5:]:
            end[1].write(PAGE if how != PAGE[:-2] else PAGE[-2:])
        left = [await status(end) for end in silent[5:]]
        return found, gone, left, service.status.metrics.displaced

    assert served(8, talk) == ([200] * 5, [b""] * 5, [200] * 3, 5)


def test_requests_under_way_are_never_broken_off_for_newcomers():
    """Asked, or a part of the body sent: where all are, a newcomer is told so and they go on."""

    async def talk(service, connected):
        asked = [await connected(ASKED + b"{}") for _ in range(3)]
        while len(service.waiting) < 3:
            await asyncio.sleep(0)
        half = [await connected(ASKED + b"{") for _ in range(3)]
        silent = await connected()
        await asyncio.sleep(0.3)
        found = [await status(await connected(PAGE)) for _ in range(20)]
        for _ in range(3):
            service.reply()
        for end in half:
            end[1].write(b"}")
        while len(service.waiting) < 3:
            await asyncio.sleep(0)
        for _ in range(3):
            service.reply()
        for end in (*asked, *half):
            assert (await end[0].readuntil(b"answer")).startswith(b"HTTP/1.1 200 ")
        return found, await silent[0].read()

    assert served(7, talk) == ([200] * 20, b"")


def test_where_all_are_under_way_a_newcomer_is_told_so():
    async def talk(service, connected):
        asked = [await connected(ASKED + b"{}") for _ in range(4)]
        while len(service.waiting) < 4:
            await asyncio.sleep(0)
        refusal = await (await connected(PAGE))[0].read()
        for _ in asked:
            service.reply()
        for end in asked:
            await end[0].readuntil(b"answer")
        return refusal, service.status.metrics.displaced

    refusal, displaced = served(4, talk)
    assert refusal.startswith(b"HTTP/1.1 503 ")
    assert b"too many connections are open" in refusal
    assert displaced == 0
