"""The command line: parse, call one use case, render, set the exit code.

Invariants: a command's module is imported only when that command runs, and the overview of all
commands is written here, so that ``--help`` needs no library at all; whatever goes wrong ends here,
in one place, with its exit code; a traceback is shown with ``--debug`` only.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn

from interlock import __version__
from interlock.apart import anything_hangs
from interlock.cli.output import (
    error_lines,
    error_row,
    failure_row,
    flush,
    put_json,
    write_lines,
)
from interlock.errors import ExitCode, InterlockError, Mistake, OperatorError
from interlock.wording import as_typed

if TYPE_CHECKING:
    from cyclopts import App, CycloptsError

_ABOUT = (
    "Continuous delivery for machine learning: one guarded path from raw data to production.\n\n"
    "Begin with: interlock init my-project"
)
_NOTES = (
    "Results go to standard output, narration to standard error.\n"
    "Exit codes: 0 reached its goal, 1 internal or infrastructure, 2 usage or configuration,\n"
    "3 blocked by a gate or a policy, 5 integrity, 7 a monitor was breached, 8 something is left\n"
    "to do, 130 interrupted."
)

COMMANDS = MappingProxyType(
    {
        "init": "Make a small project that delivers as it stands.",
        "check": "Check the declarations without running them; all mistakes at once.",
        "train": "Train and compare the candidates; nothing is delivered.",
        "deliver": "Run the whole path from sources to an environment, through the gates.",
        "waive": "Open a shut gate for one delivery, with a reason and an expiry.",
        "status": "What is live where, since when, and how the last delivery ended.",
        "history": "Deliveries, deployments and rollouts, newest first.",
        "show": "What a release is made of, and what is proven of it.",
        "card": "The model card of a release, as Markdown.",
        "diff": "What differs between two releases, and where they disagree.",
        "rollout": "Try a release beside what is live: start, grow, show, promote, stop.",
        "rollback": "Return to the release before; running services follow.",
        "serve": "Answer requests with what is live, until told to stop.",
        "predict": "Predict every row of a Parquet or CSV file with what is live.",
        "features": "What each feature is, how fresh it is and how much it matters.",
        "symmetry": "Recompute a sample of what was answered; tell defects from staleness.",
        "log": "What was answered and refused: show, filter, query, export, ship, erase.",
        "refresh": "Fill an environment's online store for the present.",
        "verify": "Check bytes, signatures and the ledger against what was recorded.",
        "rebuild": "Make altered tables anew of the ledger's events; a lost ledger of signatures.",
        "export": "Copy a release with its proofs into a folder, to serve it elsewhere.",
        "client": "Write a typed Python client of a release's service.",
        "explain": "What an error code means, and what to do.",
    }
)
_RESUMABLE = "deliver"
# New objects between two looks for garbage. Python's 700 looks again and again through all that the
# import of numerical libraries leaves behind, some 300,000 objects and no garbage; to look at every
# 100,000 still takes a fifth of a second of a delivery.
_NEW_OBJECTS = 1_000_000


def overview() -> str:
    """All commands with their purpose."""
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:<{width}}  {purpose}" for name, purpose in COMMANDS.items())
    return (
        f"Usage: interlock COMMAND [OPTIONS]\n\n{_ABOUT}\n\nCommands:\n{commands}\n\n"
        f"interlock COMMAND --help shows a command's options.\n{_NOTES}"
    )


def build() -> App:
    """The application; its commands are imported when they are used."""
    from cyclopts import App
    from cyclopts.help import PlainFormatter

    app = App(
        name="interlock",
        help_format="plaintext",
        help_formatter=PlainFormatter(),
        version=__version__,
        version_flags=["--version"],
        suppress_keyboard_interrupt=False,
    )
    for name, purpose in COMMANDS.items():
        app.command(f"interlock.cli.{name}:{name}_command", name=name, help=purpose)
    return app


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What can be seen of the arguments before they are parsed."""

    command: str
    json: bool
    debug: bool
    resumed: str
    """The same once more, to go on: as far as it was asked to go, no further."""

    @classmethod
    def of(cls, arguments: Sequence[str]) -> _Asked:
        command = next((a for a in arguments if a in COMMANDS), "")
        again = [a for a in arguments if a != "--resume"]
        return cls(
            command=command,
            json="--json" in arguments,
            debug="--debug" in arguments,
            resumed=as_typed("interlock", *again, "--resume"),
        )


def main() -> None:
    """The entry point of the ``interlock`` command."""
    gc.set_threshold(_NEW_OBJECTS)
    # Threads of a fit that wait for each other sleep rather than spin, unless the user says else.
    # On busy cores spinning was seen to take 16 times as long; on idle ones it gains little.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    _end(run(sys.argv[1:]))


def _end(code: int) -> NoReturn:
    """End the process without taking down, one by one, all the objects that were imported.

    Among the numerical libraries' that takes most of a second. What is registered to be done at an
    end is done, unless a call still hangs: what waits for that would wait for ever.
    """
    if not anything_hangs():
        atexit._run_exitfuncs()
    with suppress(OSError):  # a stream that takes nothing more was said, by run
        flush()
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run a command; its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a glyph shows '?'
    asked = _Asked.of(arguments)
    try:
        code = _called(arguments)
        flush()
    except InterlockError as error:
        return _failed(asked, error, error_lines(error.mistakes))
    except KeyboardInterrupt:
        return _interrupted(asked)
    except Exception as error:  # noqa: BLE001 - the top of the command line
        return _unexpected(asked, error)
    return code


def _called(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("--help", "-h"):
        write_lines(sys.stdout, overview().splitlines())
        return int(ExitCode.OK)
    from cyclopts import CycloptsError

    try:
        result = build()(
            list(arguments), exit_on_error=False, print_error=False, result_action="return_value"
        )
    except CycloptsError as error:
        raise OperatorError(
            "C161",
            _misused(error),
            got=as_typed("interlock", *arguments),
            fix=_help_of(arguments),
        ) from error
    return int(result or ExitCode.OK)


def _misused(error: CycloptsError) -> str:
    from cyclopts import UnusedCliTokensError

    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        return f"no argument is taken here: {as_typed(*error.unused_tokens)}"
    return " ".join(str(error).split())


def _help_of(arguments: Sequence[str]) -> str:
    command = _Asked.of(arguments).command
    return f"see `interlock {command} --help`" if command else "see `interlock --help`"


def _failed(asked: _Asked, error: InterlockError, lines: Sequence[str]) -> int:
    _traceback(asked)
    write_lines(sys.stderr, lines)
    if asked.json:
        put_json(asked.command, error_row(error))
    return int(error.exit_code)


def _interrupted(asked: _Asked) -> int:
    _traceback(asked)
    what = "interrupted"
    if asked.command == _RESUMABLE:
        what += f"; what was live stays live. Go on with: {asked.resumed}"
    write_lines(sys.stderr, ["", f"! {what}"])
    if asked.json:
        put_json(asked.command, failure_row("X130", what, ExitCode.INTERRUPTED))
    return int(ExitCode.INTERRUPTED)


def _unexpected(asked: _Asked, error: Exception) -> int:
    _traceback(asked)
    said = " ".join(f"{type(error).__name__}: {error}".split())
    first, *_ = error_lines([Mistake(code="X100", what=f"unexpected {said}"[:500])])
    hint = "interlock explain X100" if asked.debug else "run it again with --debug"
    write_lines(sys.stderr, [first, f"hint: {hint}"])
    if asked.json:
        put_json(asked.command, failure_row("X100", said, ExitCode.INTERNAL))
    return int(ExitCode.INTERNAL)


def _traceback(asked: _Asked) -> None:
    if asked.debug:
        import traceback

        traceback.print_exc()
