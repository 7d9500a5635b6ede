"""A running service seen from outside: start the worker, wait until it answers, stop it.

>>> command(Path("/tmp/plan.json"))[1:]
['-m', 'interlock.serve', '/tmp/plan.json']
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import structs

from interlock import clock
from interlock.errors import OperatorError
from interlock.serve.plan import LEASH, ServePlan, plan_bytes
from interlock.serve.printed import printed_error
from interlock.serve.workers.overheard import Overheard
from interlock.serve.workers.pulse import Pulse, heard

MODULE = "interlock.serve"
READY_SECONDS = 60.0  # on a busy machine
STOP_SECONDS = 35.0  # a little more than a worker gives its requests in flight
ABORT_SECONDS = 5.0  # that one which is stuck has to show where
_READY = re.compile(r"ready (http://\S+:\d+)( replay)?")


def command(plan: Path, module: str = MODULE) -> list[str]:
    """How a worker is started; another ``module`` is one that runs the service in its own way."""
    return [sys.executable, "-m", module, str(plan)]


@dataclass(kw_only=True)
class RunningService:
    """A worker process that answers at ``url``; leaving the ``with`` block stops it.

    One that is started ``aloud`` has what it writes to its standard error handed on to this
    process's.
    """

    url: str
    pid: int
    directory: tempfile.TemporaryDirectory[str] = field(repr=False)
    process: subprocess.Popen[bytes] = field(repr=False)
    overheard: Overheard = field(repr=False)
    pulse: Pulse = field(repr=False)
    stuck: bool = False

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self.process.poll() is None

    def stop(self, *, seconds: float = STOP_SECONDS) -> int:
        """SIGTERM, wait, and kill what does not end; the exit status."""
        if self.running:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return self.kill()
        _close(self.process, self.directory, self.overheard)
        return status

    def kill(self) -> int:
        """SIGKILL; the exit status."""
        self.process.kill()
        status = self.process.wait()
        _close(self.process, self.directory, self.overheard)
        return status

    def end_if_stuck(self) -> None:
        """Where it attends to nothing any more, have it end and show where it is stuck.

        To be called several times a second. Nothing is waited for: it has ended when it has.
        """
        assert self.process.stdout is not None
        beat = heard(self.process.stdout.fileno())
        silent = self.pulse.silent(beat=beat, now=clock.monotonic())
        if not self.stuck and silent >= self.pulse.seconds:
            self.stuck = True
            self.process.send_signal(signal.SIGABRT)
        elif self.stuck and silent >= self.pulse.seconds + ABORT_SECONDS:
            self.process.kill()

    def said(self) -> str:
        """What the worker wrote to its standard error, the last 20,000 characters of it."""
        return self.overheard.said()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start(
    plan: ServePlan,
    *,
    seconds: float = READY_SECONDS,
    module: str = MODULE,
    aloud: bool = False,
) -> RunningService:
    """Start a worker and wait until it answers; ``aloud`` then hands on its standard error.

    What it said until then is handed on, too, unless it is the error that is raised: that is told
    once, by who catches it.

    Raises the worker's own error when it ends before that (OperatorError, IntegrityError or
    BlockedError, read back from what it printed), OperatorError S108 when it does not get ready in
    time.
    """
    directory = tempfile.TemporaryDirectory(prefix="interlock-serve-")
    place = Path(directory.name)
    with _kept_open(plan.access_log) as lines:
        (place / "plan.json").write_bytes(plan_bytes(structs.replace(plan, access_log=lines)))
        process = subprocess.Popen(
            [*command(place / "plan.json", module), LEASH],
            stdin=subprocess.PIPE,  # its end, whatever ends this process, tells the worker to stop
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=worker_environment(),
            pass_fds=() if lines is None else (lines,),
        )
    assert process.stderr is not None
    overheard = Overheard(process.stderr)
    url = _ready_line(process, seconds)
    if url is not None:
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        if aloud:
            overheard.hand_on()
        return RunningService(
            url=url,
            pid=process.pid,
            directory=directory,
            process=process,
            overheard=overheard,
            pulse=Pulse(
                seconds=plan.limits.stuck_seconds,
                since=clock.monotonic() if _beats(plan, module) else None,
            ),
        )
    ended = process.poll() is not None
    process.kill()
    status = process.wait()
    _close(process, directory, overheard)
    said = overheard.said()
    error = printed_error(status, said) if ended else None
    if aloud and error is None:
        overheard.hand_on()
    raise error or (_ended(status, said) if ended else _too_slow(seconds, said))


def _beats(plan: ServePlan, module: str) -> bool:
    """Whether that process says that it goes on: a worker does, a parent of several does not."""
    return module == MODULE and (plan.workers == 1 or plan.group is not None)


@contextmanager
def _kept_open(descriptor: int | None) -> Iterator[int | None]:
    """The same file under a number that the worker's own standard streams leave alone."""
    if descriptor is None:
        yield None
        return
    copy = os.dup(descriptor)
    try:
        yield copy
    finally:
        os.close(copy)


def worker_environment() -> dict[str, str]:
    """The environment of a worker: numerical libraries keep to one thread."""
    single = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(single, "1")}


def _close(
    process: subprocess.Popen[bytes],
    directory: tempfile.TemporaryDirectory[str],
    overheard: Overheard,
) -> None:
    """Let go of what a process that has ended left, and hear the last of it."""
    overheard.end()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    directory.cleanup()


def _ready_line(process: subprocess.Popen[bytes], seconds: float) -> str | None:
    """The URL in the line that the worker prints, or None when it ends or takes too long.

    One that closes its output without ending has the rest of the time to end.
    """
    assert process.stdout is not None
    end = clock.monotonic() + seconds
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(max(0.0, end - clock.monotonic())):
                return None
            part = os.read(process.stdout.fileno(), 4_096)
            if not part:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.1, end - clock.monotonic()))
                return None
            line += part
    found = _READY.match(line.decode(errors="replace"))
    return found[1] if found else None


def _ended(status: int, said: str) -> OperatorError:
    return OperatorError(
        "S107",
        "the service ended before it was ready",
        expected="a line 'ready …'",
        got=f"exit status {status}; {said[-500:].strip() or 'no message'}",
        fix="run 'python -m interlock.serve PLAN.json' to see it",
    )


def _too_slow(seconds: float, said: str) -> OperatorError:
    return OperatorError(
        "S108",
        "the service did not get ready in time",
        expected=f"ready within {seconds:g} seconds",
        got=said[-500:].strip() or "no message",
        fix="look at the machine's load, or allow more time",
    )
