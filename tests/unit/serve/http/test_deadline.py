"""Many waits under one time limit."""

import asyncio

import pytest

from interlock.serve.http.deadline import Deadline


class Loop(asyncio.SelectorEventLoop):
    """One whose clock goes on only where it would wait, and at once: no machine is too busy."""

    def __init__(self):
        super().__init__()
        self.now, select = 0.0, self._selector.select

        def selected(timeout=None):
            if timeout:
                self.now += timeout
            return select(0)

        self._selector.select = selected

    def time(self):
        return self.now


def run(coroutine):
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(coroutine)


def test_only_what_takes_too_long_is_cancelled():
    async def waits():
        limit, never = Deadline(0.2), asyncio.Event()
        ended = await asyncio.gather(
            limit.on(never.wait()),
            *(limit.on(asyncio.sleep(0.001 * i, i)) for i in range(20)),
            return_exceptions=True,
        )
        assert isinstance(ended[0], TimeoutError)
        assert ended[1:] == list(range(20))
        assert await limit.on(asyncio.sleep(0, "again")) == "again"

    run(waits())


def test_each_has_the_whole_time():
    async def waits():
        limit, loop = Deadline(0.2), asyncio.get_running_loop()

        async def spent():
            begun = loop.time()
            with pytest.raises(TimeoutError):
                await limit.on(asyncio.Event().wait())
            return loop.time() - begun

        first = asyncio.create_task(spent())
        await asyncio.sleep(0.1)
        assert min(await asyncio.gather(first, spent())) >= 0.199

    run(waits())


def test_what_somebody_else_cancels_is_cancelled():
    async def waits():
        limit = Deadline(30.0)
        task = asyncio.create_task(limit.on(asyncio.Event().wait()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(waits())


def test_an_error_is_the_error_of_what_was_awaited():
    async def fails():
        raise OSError("gone")

    async def waits():
        with pytest.raises(OSError, match="gone"):
            await Deadline(30.0).on(fails())

    run(waits())


def test_a_task_goes_on_after_a_wait_that_was_over():
    async def waits():
        limit = Deadline(0.01)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await limit.on(asyncio.Event().wait())
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0.03)

    run(waits())
