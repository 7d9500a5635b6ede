"""The process that ships a service's log, as the command that started the service sees it.

Invariants: it is started beside the service and again whenever it ends, after a pause that grows;
nothing waits for it, and what becomes of it never touches an answer.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from interlock.clock import monotonic
from interlock.serve.workers.supervisor import pause
from interlock.workspace import Workspace

_MODULE = "interlock.use_cases.log_keeper"
_LASTING = 60.0  # seconds after which an end counts as the first again
_STOP_SECONDS = 5.0  # then it is killed: what it had begun is made good by the next


@dataclass(kw_only=True)
class LogKeeping:
    """``command`` starts the process; ``failures`` counts how often it ended soon, in a row."""

    command: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    since: float = 0.0
    due: float = 0.0

    def tick(self) -> None:
        """Start the process where it does not run and its time has come."""
        if self.process is not None and self.process.poll() is not None:
            _end_input(self.process)
            self.process = None
            self._failed(lasted=monotonic() - self.since > _LASTING)
        if self.process is None and monotonic() >= self.due:
            self.since = monotonic()
            try:
                self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE)
            except OSError:  # no memory, too many processes: the service must not end for that
                self._failed(lasted=False)

    def _failed(self, *, lasted: bool) -> None:
        self.failures = 1 if lasted else self.failures + 1
        self.due = monotonic() + pause(self.failures)

    def stop(self) -> None:
        """End it: its input ends, and it sees that when it waits."""
        if self.process is None:
            return
        _end_input(self.process)
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


def _end_input(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()


@contextmanager
def log_kept(workspace: Workspace, environment: str, product: str) -> Iterator[LogKeeping | None]:
    """The process, for as long as the block lasts; None where the settings ask for nothing."""
    asked = workspace.settings.log
    if asked.ship is None and asked.retain is None:
        yield None
        return
    project = str(workspace.settings.project_dir)
    keeping = LogKeeping(command=(sys.executable, "-m", _MODULE, project, environment, product))
    keeping.tick()
    try:
        yield keeping
    finally:
        keeping.stop()
