"""A release is loaded by a process apart before a running service loads it.

What a bad model does to a process that loads it (crash, hang, eat memory) is then done to one that
answers nobody.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from interlock.clock import monotonic
from interlock.errors import IntegrityError
from interlock.serve.printed import printed_error
from interlock.wording import as_typed

TRIAL_SECONDS = 60.0
_POLL_SECONDS = 0.1
_SHOWN = 300  # characters


def try_apart(
    plan: Path,
    directory: Path,
    *,
    seconds: float = TRIAL_SECONDS,
    wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Raises what loading raised there, IntegrityError S134 when the process died or hung.

    Where the release is no longer ``wanted``, the process is ended, so that what is wanted now need
    not wait: S134 too.
    """
    command = [sys.executable, "-m", "interlock.serve", "--try", str(plan), str(directory)]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        )
        status = _ended(process, seconds, wanted)
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    if status is None:
        given_up = "" if wanted() else ", and it is no longer wanted"
        raise _crashed(directory, f"nothing within {seconds:g} seconds{given_up}")
    if status:
        raise printed_error(status, said) or _crashed(
            directory, f"exit status {status}: {said[-_SHOWN:].strip()}"
        )


def _ended(
    process: subprocess.Popen[bytes], seconds: float, wanted: Callable[[], bool]
) -> int | None:
    """Its exit status; None where it was killed for taking too long or being unwanted."""
    end = monotonic() + seconds
    while monotonic() < end and wanted():
        with suppress(subprocess.TimeoutExpired):
            return process.wait(_POLL_SECONDS)
    process.kill()
    process.wait()
    return None


def _crashed(directory: Path, got: str) -> IntegrityError:
    python = Path(sys.executable).name
    again = as_typed(python, "-m", "interlock.serve", "--try", "PLAN.json", directory)
    return IntegrityError(
        "S134",
        "the release crashed the process that tried it",
        where=str(directory),
        expected="a release that loads and gives its golden answers",
        got=got,
        fix=f"run `{again}`",
        untouched="what is live",
    )
