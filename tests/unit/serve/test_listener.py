"""The owner of connections: its clock goes on, and stopping leaves nothing half done."""

import asyncio
from types import SimpleNamespace

from interlock.serve import listener as module
from interlock.serve.listener import Listener

APP = SimpleNamespace(limits=SimpleNamespace(connections=2), status=SimpleNamespace(in_flight=0))


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
        listener, told = Listener(APP), []
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
