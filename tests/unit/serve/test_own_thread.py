"""A thread for what may hang: nobody waits longer than its time, no process for its end."""

import asyncio
import subprocess
import sys
import threading
import weakref

import pytest

from interlock.serve.own_thread import Late, OwnThread


def test_one_that_is_late_is_waited_for_no_longer_nor_is_another_begun():
    thread, go_on, begun = OwnThread("test"), threading.Event(), threading.Event()

    def hang():
        begun.set()
        return go_on.wait(60)

    async def late(act, seconds):
        with pytest.raises(Late) as caught:
            await thread.run(act, seconds)
        return caught.value

    async def whole():
        await thread.run(lambda: None, 60.0)  # it has begun: on a busy machine that takes a while
        both = await asyncio.gather(late(hang, 0.2), late(begun.clear, 0.2))
        assert [each.begun for each in both] == [True, False]
        while not thread.late:
            await asyncio.sleep(0.01)
        found = [await late(begun.clear, 60.0) for _ in range(3)]
        assert not any(each.begun for each in found), "at once"
        assert ["go_on.wait(60)" in each.where for each in found] == [True, False, False]
        go_on.set()
        while thread.late:
            await asyncio.sleep(0.01)
        assert begun.is_set(), "what was given up in the queue is not done after all"
        assert await thread.run(lambda: 4, 60.0) == 4

    asyncio.run(asyncio.wait_for(whole(), 60))


@pytest.mark.parametrize("error", [TimeoutError, ZeroDivisionError, SystemExit])
def test_what_it_raises_is_raised_and_no_lateness(error):
    def fail():
        raise error

    async def whole():
        thread = OwnThread("test")
        with pytest.raises(error):
            await thread.run(fail, 60.0)
        return await thread.run(lambda: 4, 60.0)

    assert asyncio.run(whole()) == 4


def test_it_ends_with_its_owner_and_holds_nothing_that_it_did():
    class Large:
        def size(self):
            return 4

    thread, large = OwnThread("to be let go"), Large()
    there = weakref.ref(large)
    assert asyncio.run(thread.run(large.size, 60.0)) == 4
    running = thread._thread
    del large, thread
    running.join(60)
    assert not running.is_alive()
    assert there() is None


def test_a_process_ends_though_something_never_does():
    code = (
        "import asyncio\n"
        "from interlock.serve.own_thread import Late, OwnThread\n"
        "def loop():\n"
        "    while True: pass\n"
        "try:\n"
        "    asyncio.run(OwnThread('loop').run(loop, 0.1))\n"
        "except Late:\n"
        "    print('late')\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "late\n")
