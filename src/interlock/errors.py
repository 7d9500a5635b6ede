"""Errors, grouped by who must act.

Every error carries a code (``interlock explain CODE`` tells more) and says what is wrong, where,
what was expected, what was found, how to mend it, and what stayed untouched.

>>> error = AuthorError("C101", "the target is among the request's fields", where="product.py:12",
...                     expected="a target the consumer does not send", got="price",
...                     fix="remove 'price' from House")
>>> print(error)
error[C101]: the target is among the request's fields
  where: product.py:12
  expected: a target the consumer does not send
  got: price
  fix: remove 'price' from House
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import IntEnum

AUTHOR_FAULTS = (Exception, SystemExit)
"""What an author's code may raise. ``SystemExit`` would end a worker, or a delivery with whatever
status it carries, 0 perhaps: it is a fault like any other."""


class ExitCode(IntEnum):
    """What a command's exit status means."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    BLOCKED = 3
    APPROVAL_NEEDED = 4
    INTEGRITY = 5
    ROLLOUT_ABORTED = 6
    MONITOR_BREACHED = 7
    PENDING = 8
    INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One thing that is wrong: what, where, expected, got, and the fix."""

    code: str
    what: str
    where: str = ""
    expected: str = ""
    got: str = ""
    fix: str = ""
    untouched: str = ""

    def __str__(self) -> str:
        """One headed line, then one indented line for each part that is known."""
        lines = [f"error[{self.code}]: {self.what}"]
        for label in ("where", "expected", "got", "fix", "untouched"):
            text = getattr(self, label)
            if text:
                lines.append(f"  {label}: {text}")
        return "\n".join(lines)


class InterlockError(Exception):
    """The root of every error Interlock raises on purpose."""

    exit_code = ExitCode.INTERNAL

    def __init__(
        self,
        code: str,
        what: str,
        *,
        where: str = "",
        expected: str = "",
        got: str = "",
        fix: str = "",
        untouched: str = "",
    ) -> None:
        self.mistakes: tuple[Mistake, ...] = (
            Mistake(
                code=code,
                what=what,
                where=where,
                expected=expected,
                got=got,
                fix=fix,
                untouched=untouched,
            ),
        )
        super().__init__(code, what)

    def __str__(self) -> str:
        return "\n".join(str(mistake) for mistake in self.mistakes)

    @property
    def code(self) -> str:
        """The code of the first mistake."""
        return self.mistakes[0].code

    @classmethod
    def of(cls, mistakes: Sequence[Mistake]) -> InterlockError:
        """One error that reports several mistakes at once; at least one is needed."""
        first = mistakes[0]
        error = cls(first.code, first.what)
        error.mistakes = tuple(mistakes)
        return error


class AuthorError(InterlockError):
    """The author of the project must change a declaration, a feature or the data."""

    exit_code = ExitCode.USAGE


class OperatorError(InterlockError):
    """Whoever runs Interlock must change a setting, a flag, a port, a right."""

    exit_code = ExitCode.USAGE


class StoreError(InterlockError):
    """A store could not read or write: disk full, locked, gone."""

    exit_code = ExitCode.INTERNAL


class IntegrityError(InterlockError):
    """Bytes, signatures or digests are not what was signed."""

    exit_code = ExitCode.INTEGRITY


class BlockedError(InterlockError):
    """A gate or a policy did not open."""

    exit_code = ExitCode.BLOCKED


CRASHES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    InterlockError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a check or a chapter of a report may die of without taking the others with it.

Anything else ends the delivery, which does not pass either.
"""


def first_line(error: Exception) -> str:
    """The first line of what an error says; its type where it says nothing.

    >>> first_line(ValueError("no rows\\nin 3 files")), first_line(KeyError())
    ('no rows', 'KeyError')
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def collecting(mistakes: list[Mistake], *, where: str = "") -> Iterator[None]:
    """Turn what is raised inside into mistakes, so that the rest is looked at too.

    ``where`` stands in for a place that a mistake does not name itself.
    """
    try:
        yield
    except InterlockError as error:
        mistakes.extend(replace(m, where=m.where or where) for m in error.mistakes)
