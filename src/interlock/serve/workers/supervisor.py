"""The service's processes: one worker, or a parent that keeps several of them going.

``python -m interlock.serve PLAN.json`` is the worker itself where the plan asks for one. For more,
this process starts that many, each with its name (w0, w1 …), its own log segments and the same
port, and prints ``ready http://…`` when all are ready. The kernel spreads connections over them.

Rules: a worker that ends is started again, after a pause that grows from a fifth of a second to
half a minute; one that attends to nothing any more is ended, and counts as one that crashed;
another release takes over when every worker that runs or is starting has it ready, and not before;
one that cannot have it ready keeps all at the old one. The parent loads no model.
"""

from __future__ import annotations

import select
import signal
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from msgspec import structs

from interlock import clock
from interlock.errors import ExitCode, InterlockError
from interlock.serve.lines import printed_by_lines
from interlock.serve.plan import LEASH, STDERR, ServePlan, read_plan
from interlock.serve.rollout.deployed import require_newest
from interlock.serve.rollout.group import Group
from interlock.serve.rollout.pool import Pool
from interlock.serve.rollout.target import Target, target_reader
from interlock.serve.told import told_by_signals
from interlock.serve.workers.listen import read_token, reserve_port
from interlock.serve.workers.process import RunningService, start

_POLL_SECONDS = 0.05
_FIRST_PAUSE = 0.2  # seconds before a worker that ended is started again
_LONGEST_PAUSE = 30.0  # seconds
_LASTING = 10.0  # seconds after which a worker counts as well
_STOP_SECONDS = 3.0  # beyond what a worker gives its requests in flight
_CRASHES = {-number for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS)}
_CRASHES |= {-number for number in (signal.SIGFPE, signal.SIGILL)}


def main(arguments: list[str]) -> int:
    """Run the service of a plan; the process's exit status."""
    try:
        plan = _plan_of_several(arguments)
        if plan is not None:
            return supervise(plan, leashed=arguments[1:] == [LEASH])
    except InterlockError as error:
        print(error, file=sys.stderr, flush=True)
        return int(error.exit_code)
    from interlock.serve.workers import worker  # noqa: PLC0415 - a parent needs no model library

    return worker.main(arguments)


def _plan_of_several(arguments: list[str]) -> ServePlan | None:
    if not arguments or arguments[0].startswith("-") or arguments[1:] not in ([], [LEASH]):
        return None
    plan = read_plan(Path(arguments[0]))
    return plan if plan.workers > 1 and plan.group is None else None


def supervise(plan: ServePlan, *, leashed: bool = False) -> int:
    """Keep the workers going until SIGTERM or SIGINT, and ``leashed`` until standard input ends.

    Raises InterlockError when the service cannot begin.
    """
    read_token(plan)
    with (
        printed_by_lines(STDERR),  # a worker that ended is started though nobody reads of it
        told_by_signals() as told,
        reserve_port(plan.host, plan.port) as reserved,
        tempfile.TemporaryDirectory(prefix="interlock-group-") as place,
        ThreadPoolExecutor(plan.workers, thread_name_prefix="start") as threads,
    ):
        port = reserved.getsockname()[1]
        crew = Crew(structs.replace(plan, port=port, group=place), threads)
        try:
            crew.begin()
            shown = f"[{plan.host}]" if ":" in plan.host else plan.host
            print(f"ready http://{shown}:{port}{' replay' if plan.replay else ''}", flush=True)
            while not told.wait(_POLL_SECONDS) and not (leashed and _input_ended()):
                crew.look()
        finally:
            crew.stop()
    return int(ExitCode.OK)


def _input_ended() -> bool:
    """Nobody ever writes to this process: its input is readable when its starter is gone."""
    return bool(select.select([sys.stdin.fileno()], [], [], 0)[0])


class Crew:
    """The workers of one service."""

    def __init__(self, plan: ServePlan, threads: ThreadPoolExecutor) -> None:
        self._group = Group(Path(plan.group or ""), "parent")
        self._plan = plan
        self._pool = Pool(Path(plan.log))
        self._want = target_reader(plan)
        self._follows = plan.pointer is not None
        self._agreed: Target | None = None
        self._members = [
            Member(structs.replace(plan, worker=f"w{number}"), self._group, threads)
            for number in range(plan.workers)
        ]

    def begin(self) -> None:
        """Start all; return when all are ready. Raises what kept the first from being ready."""
        first = self._want()
        require_newest(first, self._plan)
        self._agree(first)
        for member in self._members:
            member.start()
        for member in self._members:
            member.begun()
        self._group.open()

    def look(self) -> None:
        """Start what has ended, let another release take over where all have it ready, and judge
        a challenger by what all saw."""
        for member in self._members:
            member.look()
        if self._follows:
            self._flip()
        if self._agreed is not None:
            crashes = sum(member.crashes for member in self._members)
            self._pool.look(self._agreed, crashes)

    def stop(self) -> None:
        """End all, their requests in flight answered."""
        for member in self._members:
            member.tell()
        for member in self._members:
            member.stop()

    def _flip(self) -> None:
        try:
            wanted = self._want().after(self._agreed)
        except InterlockError:
            return  # every worker's status says so
        if wanted == self._agreed:
            return
        said = self._group.said()
        present = [member.name for member in self._members if member.present]
        if takes_over(wanted, {name: s.ready for name, s in said.items()}, present):
            with suppress(OSError):  # a full disk: all keep what they have, and it is tried again
                self._agree(wanted)

    def _agree(self, target: Target) -> None:
        self._group.agree(target)
        self._agreed = target


def takes_over(wanted: Target, ready: dict[str, Target | None], present: Sequence[str]) -> bool:
    """Whether all workers that run or are starting have the wanted release ready.

    >>> a = Target(digest="a", directory=Path("a"), label="1.0.0", generation=1)
    >>> takes_over(a, {"w0": a, "w1": None}, ["w0", "w1"]), takes_over(a, {"w0": a}, ["w0"])
    (False, True)
    """
    return bool(present) and all(ready.get(name) == wanted for name in present)


class Member:
    """One worker: running, starting, or waiting to be started again."""

    def __init__(self, plan: ServePlan, group: Group, threads: ThreadPoolExecutor) -> None:
        self.name = plan.worker
        self.crashes = 0
        self._plan = plan
        self._group = group
        self._threads = threads
        self._starting: Future[RunningService] | None = None
        self._service: RunningService | None = None
        self._since = 0.0
        self._failures = 0
        self._due = 0.0

    @property
    def present(self) -> bool:
        """Whether it runs or is starting."""
        return self._starting is not None or self._service is not None

    def start(self) -> None:
        """Begin to start it."""
        self._group.forget(self.name)
        self._starting = self._threads.submit(start, self._plan, aloud=True)

    def begun(self) -> None:
        """Wait until it is ready. Raises InterlockError when it does not get there."""
        assert self._starting is not None
        starting, self._starting = self._starting, None
        self._service = starting.result()
        self._since = clock.monotonic()

    def look(self) -> None:
        """Note what has become of it; start it again when its time has come."""
        if self._starting is not None and self._starting.done():
            self._started()
        elif self._service is not None and not self._service.running:
            status, stuck = self._service.stop(), self._service.stuck
            self.crashes += stuck or crashed(status)
            how = f"attended to nothing for {self._service.pulse.seconds:g} s and " if stuck else ""
            self._ended(f"{how}ended with status {status}")
        elif self._service is not None:
            self._service.end_if_stuck()
        elif not self.present and clock.monotonic() >= self._due:
            self.start()

    def _started(self) -> None:
        try:
            self.begun()
        except (InterlockError, OSError) as error:
            self._ended(f"did not start again: {error}")

    def _ended(self, how: str) -> None:
        lasted = self._service is not None and clock.monotonic() - self._since > _LASTING
        self._failures = 0 if lasted else self._failures + 1
        self._service = None
        self._group.forget(self.name)
        seconds = pause(self._failures)
        self._due = clock.monotonic() + seconds
        print(f"{self.name} {how}; starts in {seconds:g} s", file=sys.stderr, flush=True)

    def tell(self) -> None:
        """Ask it to stop."""
        if self._service is not None and self._service.running:
            self._service.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Wait until it has stopped; one that was starting ends with its parent."""
        if self._starting is not None:
            try:
                self.begun()
            except (InterlockError, OSError):
                return
        if self._service is not None:
            self._service.stop(seconds=self._plan.limits.stop_seconds + _STOP_SECONDS)
            self._service = None


def crashed(status: int) -> bool:
    """Whether a process that ended with that status died of itself: nobody told or killed it.

    >>> [crashed(status) for status in (-signal.SIGSEGV, 1, 0, -signal.SIGKILL, -signal.SIGTERM)]
    [True, True, False, False, False]
    """
    return status > 0 or status in _CRASHES


def pause(failures: int) -> float:
    """Seconds until a worker is started again that ended so many times in a row.

    >>> [pause(failures) for failures in (0, 1, 2, 3, 50)]
    [0.2, 0.2, 0.4, 0.8, 30.0]
    """
    return float(min(_FIRST_PAUSE * 2 ** min(max(failures - 1, 0), 16), _LONGEST_PAUSE))
