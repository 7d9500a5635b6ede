"""The owner of connections: its clock goes on, and stopping leaves nothing half done."""

import asyncio
from types import SimpleNamespace

from interlock.serve.http import listener as module
from interlock.serve.http.listener import Listener


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
