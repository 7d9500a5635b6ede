"""One worker process of the service: a plan in, requests answered until it is told to stop.

``python -m interlock.serve PLAN.json`` prints one line when it is ready and then nothing:
``ready http://127.0.0.1:8000`` (and `` replay`` where the clock is given). SIGTERM and SIGINT stop
it: requests in flight are answered, the log is synced. Exit status and errors are those of
:class:`interlock.errors.ExitCode`. One that was started by another process, and ends with it, tells
it by an empty line now and then that it goes on (:mod:`interlock.serve.workers.pulse`).
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from interlock import clock
from interlock.errors import ExitCode, InterlockError
from interlock.serve.http.app import App
from interlock.serve.http.listener import Listener
from interlock.serve.lines import printed_by_lines
from interlock.serve.loaded.load import load
from interlock.serve.plan import LEASH, STDERR, ServePlan, read_plan
from interlock.serve.workers.listen import listens, read_token, reserve_port, share_port
from interlock.serve.workers.opened import opened
from interlock.serve.workers.pulse import beat

_OWN_FILES = 256  # that a worker may have open beside its connections
_PUBLISH_SECONDS = 1.0
_TURN_SECONDS = 0.0005  # for which a thread that loads or explains keeps those who answer waiting
_TRIAL_NICENESS = 10


def main(arguments: list[str]) -> int:
    """Run a worker; the process's exit status."""
    try:
        if len(arguments) == 3 and arguments[0] == "--try":
            attempt(read_plan(Path(arguments[1])), Path(arguments[2]))
        elif len(arguments) == 1 or arguments[1:] == [LEASH]:
            run(Path(arguments[0]), leashed=len(arguments) == 2)
        else:
            print("usage: python -m interlock.serve PLAN.json", file=sys.stderr)
            return int(ExitCode.USAGE)
    except InterlockError as error:
        print(error, file=sys.stderr, flush=True)
        return int(error.exit_code)
    return int(ExitCode.OK)


def run(path: Path, *, leashed: bool = False) -> None:
    """Serve the plan until SIGTERM or SIGINT, and ``leashed`` until standard input ends.

    Raises InterlockError when the service cannot begin.
    """
    plan = read_plan(path)
    read_token(plan)
    reserve = reserve_port if plan.group is None else share_port
    reserved = reserve(plan.host, plan.port)
    sys.setswitchinterval(_TURN_SECONDS)
    faulthandler.enable(STDERR)  # one that hangs is told to abort, and shows where
    with printed_by_lines(STDERR) as lines, opened(plan, path) as app:
        app.status.lines.append(lines)
        uvloop.run(_serve(plan, app, reserved, leashed))


async def _serve(plan: ServePlan, app: App, reserved: socket.socket, leashed: bool) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if leashed:
        _stop_at_end_of_input(loop, stopping)
    host, port = plan.host, reserved.getsockname()[1]
    carried = on_granian if plan.server == "granian" else listening
    async with carried(plan, app, reserved):
        shown = f"[{host}]" if ":" in host else host
        print(f"ready http://{shown}:{port}{' replay' if plan.replay else ''}", flush=True)
        telling = [loop.create_task(_publish(app))]
        if leashed:
            telling.append(loop.create_task(beat(sys.stdout.fileno())))
        await stopping.wait()
        for task in telling:
            task.cancel()


@asynccontextmanager
async def listening(plan: ServePlan, app: App, reserved: socket.socket) -> AsyncIterator[None]:
    """Interlock's own server on the reserved port."""
    listener = Listener(app, allowed_connections(plan.limits.connections))
    await listener.listen(reserved)
    try:
        yield
    finally:
        await listener.stop(plan.limits.stop_seconds)


@asynccontextmanager
async def on_granian(plan: ServePlan, app: App, reserved: socket.socket) -> AsyncIterator[None]:
    """Granian on the reserved port."""
    from interlock.serve.http.rsgi import RsgiApp, server_of  # noqa: PLC0415 - an extra

    port = reserved.getsockname()[1]
    server = server_of(RsgiApp(app), plan.host, port)
    serving = asyncio.get_running_loop().create_task(server.serve())
    while not listens(port):
        await asyncio.sleep(0.002)
    reserved.close()
    try:
        yield
    finally:
        await _drained(app, plan.limits.stop_seconds)
        server.stop()
        await serving


def allowed_connections(n: int) -> int:
    """How many connections of ``n`` this process may have open beside its own files.

    It lets itself have more, as far as the system lets it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = n + _OWN_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return n
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return min(n, max(most - _OWN_FILES, most // 2))


async def _publish(app: App) -> None:
    """Leave the counts for the other workers, once a second."""
    while True:
        app.status.publish()
        await asyncio.sleep(_PUBLISH_SECONDS)


def _stop_at_end_of_input(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    """Nobody ever writes to this worker: its input becomes readable when its starter is gone."""
    number = sys.stdin.fileno()

    def ended() -> None:
        loop.remove_reader(number)
        stopping.set()

    loop.add_reader(number, ended)


async def _drained(app: App, seconds: float) -> None:
    """Wait until what was asked is answered, at most so long; bodies under way come first."""
    end = clock.monotonic() + seconds
    while (app.status.in_flight or app.uploads.under_way) and clock.monotonic() < end:
        await asyncio.sleep(0.005)


def attempt(plan: ServePlan, directory: Path) -> None:
    """Load a release as a worker would, and nothing else: a crash here hurts nobody.

    It gives way to the worker that answers meanwhile.
    """
    os.nice(_TRIAL_NICENESS)
    load(directory, plan, digest=directory.name)
