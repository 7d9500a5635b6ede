"""What a command says: results on standard output, narration and errors on standard error.

Colour only on a terminal, and not where NO_COLOR is set (rich sees to both). A reader that went
away (``interlock history | head -1``) does not change what the command did, nor its exit code.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from interlock.errors import ExitCode, InterlockError, Mistake
from interlock.report.names import shown

if TYPE_CHECKING:
    from interlock.cli.options import Output

VERSION = 1  # of the JSON objects
_LONGEST_LINE = 4_000  # characters


def answer(
    command: str,
    options: Output,
    row: Callable[[], Mapping[str, Any]],
    lines: Callable[[], Iterable[str]],
) -> None:
    """The command's result: one versioned JSON object, or lines for people."""
    if options.json:
        put_json(command, row())
    else:
        write_lines(sys.stdout, lines())


def put_json(command: str, row: Mapping[str, Any]) -> None:
    """One JSON object on one line of standard output."""
    value = {"version": VERSION, "command": command, **row}
    _write(sys.stdout, json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")


def write_lines(stream: TextIO, lines: Iterable[str]) -> None:
    """Lines for people, coloured on a terminal."""
    if stream.isatty():
        from interlock.cli.paint import painted

        _guarded(stream, lambda: painted(stream, lines))
    else:
        _write(stream, "".join(f"{line}\n" for line in lines))


def error_lines(mistakes: Iterable[Mistake]) -> list[str]:
    """Every mistake in full, then where to read more; no escape sequence gets through."""
    found = tuple(mistakes)
    text = [
        shown(line, limit=_LONGEST_LINE) for mistake in found for line in str(mistake).splitlines()
    ]
    return [*text, *(f"hint: interlock explain {c}" for c in dict.fromkeys(m.code for m in found))]


def error_row(error: InterlockError) -> dict[str, Any]:
    """An error for ``--json``."""
    mistakes = [vars(mistake) for mistake in error.mistakes]
    return {"exit_code": int(error.exit_code), "error": {"code": error.code, "mistakes": mistakes}}


def failure_row(code: str, what: str, exit_code: ExitCode) -> dict[str, Any]:
    """An error that is no InterlockError, for ``--json``."""
    mistakes = [vars(Mistake(code=code, what=what))]
    return {"exit_code": int(exit_code), "error": {"code": code, "mistakes": mistakes}}


def flush() -> None:
    """Write out what is buffered."""
    for stream in (sys.stdout, sys.stderr):
        _guarded(stream, stream.flush)


def _write(stream: TextIO, text: str) -> None:
    def act() -> None:
        stream.write(text)
        stream.flush()

    _guarded(stream, act)


def _guarded(stream: TextIO, act: Callable[[], object]) -> None:
    """Write; when nobody reads any more, let the rest go nowhere."""
    try:
        act()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
