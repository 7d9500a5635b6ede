"""What scores a challenger in shadow while its environment's service runs.

Invariants: the service is never waited for, nor stopped: the scoring is a process of its own, one
at a time; what ends it is told, and it is started again. One that hangs is ended by the kernel
(:mod:`interlock.serve.shadow.limit`).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from interlock.clock import monotonic
from interlock.errors import InterlockError, OperatorError
from interlock.serve.plan import LEASH, ServePlan, plan_bytes
from interlock.serve.printed import printed_error
from interlock.serve.shadow import limit
from interlock.serve.shadow.logs import shadow_log
from interlock.serve.shadow.scoring import wanted
from interlock.serve.shadow.under_way import Row, died_at
from interlock.serve.workers.process import worker_environment

AGAIN_SECONDS = 30.0  # after a process that failed
_STOP_SECONDS = 10.0
_SHOWN = 500  # characters


class Shadowing:
    """Starts the process when a rollout in shadow begins; it ends by itself with the rollout."""

    def __init__(
        self, plan: ServePlan, place: Path, on_trouble: Callable[[InterlockError], None]
    ) -> None:
        self._plan = plan
        self._place = place
        self._on_trouble = on_trouble
        self._process: subprocess.Popen[bytes] | None = None
        self._row_before: Row | None = None
        self._again_at = 0.0

    def tick(self) -> None:
        """Look whether there is something to start, or something to tell. Never raises."""
        try:
            self._look()
        except (InterlockError, OSError) as error:
            self._failed(error if isinstance(error, InterlockError) else _unstarted(str(error)))

    def stop(self) -> None:
        """End the process; what it has scored is in its log."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _close(process)

    def _look(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            self._ended(self._process)
        if self._process is None and monotonic() >= self._again_at and wanted(self._plan):
            self._start()

    def _start(self) -> None:
        self._row_before = self._row()
        path = self._place / "plan.json"
        path.write_bytes(plan_bytes(self._plan))
        command = [sys.executable, "-m", "interlock.serve.shadow.scoring", str(path), LEASH]
        with (self._place / "stderr").open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # its end, whatever ends this process, tells it to stop
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=worker_environment(),
            )

    def _ended(self, process: subprocess.Popen[bytes]) -> None:
        self._process = None
        status = process.wait()
        _close(process)
        row = self._row()
        if row == self._row_before:
            row = None
        if status or row:  # an author's code may end it with status 0 as well
            said = (self._place / "stderr").read_text(errors="replace")
            self._failed(printed_error(status, said) or _unstarted(self._told(status, row, said)))

    def _told(self, status: int, row: Row | None, said: str) -> str:
        """How it ended, at which record, and what it said; of one that hung, where it was."""
        how, said = f"status {status}", said.strip()
        if status == limit.STATUS:
            loading, plan = row is None, self._plan
            seconds = plan.shadow_load_seconds if loading else plan.limits.stuck_seconds
            how = f"{'not loaded' if loading else 'no answer'} within {seconds:g} s"
            said = said[max(said.rfind(limit.SHOWN), 0) :][:_SHOWN]
        where = f", at the record {row.worker}/{row.segment}/{row.offset}" if row else ""
        return f"{how}{where}: {said[-_SHOWN:]}"

    def _row(self) -> Row | None:
        """The row that a process which has ended was at."""
        trial = wanted(self._plan)
        return None if trial is None else died_at(shadow_log(Path(self._plan.log), trial.salt))

    def _failed(self, error: InterlockError) -> None:
        self._again_at = monotonic() + AGAIN_SECONDS
        self._on_trouble(error)


@contextmanager
def shadowed(
    plan: ServePlan, on_trouble: Callable[[InterlockError], None]
) -> Iterator[Shadowing | None]:
    """What scores challengers in shadow meanwhile; None for a replay, which has no rollouts."""
    if plan.replay or plan.pointer is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="interlock-shadow-") as place:
        shadowing = Shadowing(plan, Path(place), on_trouble)
        try:
            yield shadowing
        finally:
            shadowing.stop()


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()


def _unstarted(got: str) -> OperatorError:
    return OperatorError(
        "S162",
        "the process that scores the challenger in shadow ended",
        expected="a process that runs as long as the rollout",
        got=got.removesuffix(": "),
        fix="see what it said; it is started again meanwhile, and goes on where it stopped, or "
        "behind the row at which it died or hung twice",
        untouched="what answers",
    )
