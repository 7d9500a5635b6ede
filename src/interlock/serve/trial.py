"""A release is loaded by a process apart before a running service loads it.

What a bad model does to a process that loads it (crash, hang, eat memory) is then done to one that
answers nobody.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from interlock.errors import IntegrityError
from interlock.serve.printed import printed_error

TRIAL_SECONDS = 60.0
_SHOWN = 300  # characters


def try_apart(plan: Path, directory: Path, *, seconds: float = TRIAL_SECONDS) -> None:
    """Raises what loading raised there, IntegrityError S134 when the process died or hung."""
    command = [sys.executable, "-m", "interlock.serve", "--try", str(plan), str(directory)]
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _crashed(directory, f"nothing within {seconds:g} seconds") from None
    if ended.returncode:
        said = ended.stderr.decode(errors="replace")
        raise printed_error(ended.returncode, said) or _crashed(
            directory, f"exit status {ended.returncode}: {said[-_SHOWN:].strip()}"
        )


def _crashed(directory: Path, got: str) -> IntegrityError:
    return IntegrityError(
        "S134",
        "the release crashed the process that tried it",
        where=str(directory),
        expected="a release that loads and gives its golden answers",
        got=got,
        fix=f"run '{Path(sys.executable).name} -m interlock.serve --try PLAN.json {directory}'",
        untouched="what is live",
    )
