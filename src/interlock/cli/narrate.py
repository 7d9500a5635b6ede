"""Tell on standard error what goes on.

On a terminal a step that takes longer than a second gets a bar with n of N and the time left; a
step that has ended is one line. Not a terminal: one line a change of state, no bars; of a step that
may take minutes one for each of its parts as it begins, so that a job's log never stands still.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from interlock.cli.output import write_lines
from interlock.cli.paint import console_on, paint
from interlock.report.content import Step
from interlock.report.names import shown
from interlock.report.phrases import gate_name
from interlock.report.terminal import gate_lines, step_line, waived_text
from interlock.verdict import GateResult

BAR_AFTER_SECONDS = 1.0


def ended_lines(step: Step, result: GateResult | None, *, verbose: bool) -> list[str]:
    """The lines for a step that has ended; a gate shows what keeps it shut."""
    if result is None:
        return [step_line(step)]
    return gate_lines(result, step.seconds, verbose=verbose, waived=waived_text(step))


def _noted(line: str) -> str:
    return f"! {shown(line, limit=400)}"


def _part(step: str, part: str) -> str:
    return f"{gate_name(step)}: {shown(part)}"


class Log:
    """A narrator for a file or a pipe: one line a change of state."""

    def __init__(self, stream: TextIO, *, verbose: bool = False) -> None:
        self._stream, self._verbose = stream, verbose

    def began(self, header: str) -> None:
        """Say what is delivered."""
        write_lines(self._stream, [header])

    def noted(self, line: str) -> None:
        """Say it."""
        write_lines(self._stream, [_noted(line)])

    def started(self, step: str) -> None:
        """Say that a step began."""
        write_lines(self._stream, [f"… {gate_name(step)} started"])

    def finished(self, step: Step, result: GateResult | None = None) -> None:
        """Say how it ended."""
        write_lines(self._stream, ended_lines(step, result, verbose=self._verbose))

    def progress(self, step: str, done: int, total: int) -> None:
        """Nothing: a file has no use for a bar."""

    def doing(self, step: str, part: str) -> None:
        """Say that a part of the step began, and so that the one before it has ended."""
        write_lines(self._stream, [f"… {_part(step, part)}"])

    def close(self) -> None:
        """Nothing is left over."""


class Terminal:
    """A narrator for a terminal. The bar is drawn by a thread of its own, never before its time."""

    def __init__(
        self, stream: TextIO, *, verbose: bool = False, after_seconds: float = BAR_AFTER_SECONDS
    ) -> None:
        self._stream, self._verbose, self._after = stream, verbose, after_seconds
        self._lock = threading.Lock()
        self._bar: _Bar | None = None

    def began(self, header: str) -> None:
        """Say what is delivered."""
        write_lines(self._stream, [header])

    def noted(self, line: str) -> None:
        """Say it, above the bar if there is one."""
        with self._lock:
            if self._bar is None:
                write_lines(self._stream, [_noted(line)])
            else:
                self._bar.say(_noted(line))

    def started(self, step: str) -> None:
        """Have a bar ready for when the step takes long."""
        self.close()
        with self._lock:
            self._bar = _Bar(self._stream, gate_name(step), self._after)

    def finished(self, step: Step, result: GateResult | None = None) -> None:
        """Take the bar away and say how the step ended."""
        self.close()
        write_lines(self._stream, ended_lines(step, result, verbose=self._verbose))

    def progress(self, step: str, done: int, total: int) -> None:
        """Move the bar."""
        with self._lock:
            if self._bar is not None:
                self._bar.move(done, total)

    def doing(self, step: str, part: str) -> None:
        """Name the part beside the step."""
        with self._lock:
            if self._bar is not None:
                self._bar.name(_part(step, part))

    def close(self) -> None:
        """Take away the bar, if there is one."""
        with self._lock:
            bar, self._bar = self._bar, None
        if bar is not None:
            bar.close()


class _Bar:
    """One step's bar: a spinner until something is counted, then n of N with the time left."""

    def __init__(self, stream: TextIO, step: str, after_seconds: float) -> None:
        self._console = console_on(stream)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task(step, total=None)
        self._lock = threading.Lock()
        self._closed = self._counted = False
        self._timer = threading.Timer(after_seconds, self._show)
        self._timer.daemon = True
        self._timer.start()

    def move(self, done: int, total: int) -> None:
        with self._lock:
            if total > 0 and not self._counted:
                self._counted = True
                self._progress.columns = (
                    TextColumn("{task.description}", markup=False),
                    BarColumn(),
                    MofNCompleteColumn(),
                    TimeRemainingColumn(),
                )
            self._progress.update(self._task, completed=done, total=total or None)

    def name(self, text: str) -> None:
        with self._lock:
            self._progress.update(self._task, description=text)

    def say(self, line: str) -> None:
        with self._lock:  # the console draws it above what is live on it
            self._console.print(paint(line), soft_wrap=True)

    def close(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._closed = True
            self._progress.stop()

    def _show(self) -> None:
        with self._lock:
            if not self._closed:
                self._progress.start()


@contextmanager
def narrator(*, verbose: bool = False) -> Iterator[Log | Terminal]:
    """The narrator that fits standard error; its bar is gone afterwards, whatever happened."""
    stream = sys.stderr
    found = (Terminal if stream.isatty() else Log)(stream, verbose=verbose)
    try:
        yield found
    finally:
        found.close()
