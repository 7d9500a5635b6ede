"""Running a gate: every check judges the measurement, and nothing but a verdict comes out.

Invariants: a check that crashes, answers nothing, or passes on a number that is none is an error;
a gate without checks stays shut.

>>> @dataclass(frozen=True)
... class Broken(Declared):
...     def judge(self, measurement: Any) -> tuple[Check, ...]:
...         return (1 / 0,)
>>> run("data gate", [Broken()], None).checks[0].reason
'the check crashed: ZeroDivisionError: division by zero'
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from interlock.errors import CRASHES
from interlock.verdict import Check, GateResult, Verdict

M = TypeVar("M", contravariant=True)


class Judge(Protocol[M]):
    """A declared check: judges one kind of measurement."""

    def validate(self) -> None:
        """Raises AuthorError for a declaration that cannot be used."""

    def judge(self, measurement: M) -> tuple[Check, ...]:
        """One or more answers; never none."""

    def to_row(self) -> dict[str, Any]:
        """The declaration as plain JSON values, for digests and for show."""

    @property
    def advisory(self) -> bool:
        """Whether its answers are advice, whatever they are: they never shut the gate."""


@dataclass(frozen=True)
class Declared:
    """What every declared check shares: its row, and that it may be wrong."""

    def validate(self) -> None:
        """Raises AuthorError for a declaration that cannot be used; this one always can."""

    def to_row(self) -> dict[str, Any]:
        """The check's class and arguments, as plain JSON values."""
        return {"check": type(self).__name__, **asdict(self)}

    @property
    def advisory(self) -> bool:
        """Whether its answers are advice; those of a check that does not say so are binding."""
        return False


def run(gate: str, checks: Iterable[Judge[M]], measurement: M) -> GateResult:
    """Every check's answers to the measurement, in the order declared.

    All answers of an advisory check are advice; of another those that it says are.
    """
    found = [answer for check in checks for answer in answered(check, measurement)]
    return GateResult(gate=gate, checks=tuple(found))


def answered(check: Judge[M], measurement: M) -> tuple[Check, ...]:
    """One check's answers, as :func:`run` has them; a crash is one, and it shuts the gate."""
    return tuple(
        replace(answer, advisory=check.advisory is True or answer.advisory is True)
        for answer in _answers(check, measurement)
    )


def with_always_on(
    declared: Sequence[Judge[M]], always: Sequence[Judge[M]]
) -> tuple[Judge[M], ...]:
    """The declared checks, then those always on of whose class none was declared."""
    classes = {type(check) for check in declared}
    return (*declared, *(check for check in always if type(check) not in classes))


def _answers(check: Judge[M], measurement: M) -> tuple[Check, ...]:
    name = type(check).__name__
    try:
        check.validate()
        answers = tuple(_sound(answer) for answer in check.judge(measurement))
    except CRASHES as crash:
        text = str(crash).splitlines()
        reason = f"the check crashed: {type(crash).__name__}" + (f": {text[0]}" if text else "")
        return (Check(name=name, verdict=Verdict.ERROR, reason=reason),)
    return answers or (Check(name=name, verdict=Verdict.ERROR, reason="the check said nothing"),)


def _sound(answer: Check) -> Check:
    """The answer in plain numbers, or an error where it passes on numbers that are none."""
    numbers = [answer.measured, answer.threshold, answer.upper]
    if answer.interval is not None:
        numbers += [answer.interval.low, answer.interval.high]
    sound = all(number is None or math.isfinite(number) for number in numbers)
    if answer.verdict is Verdict.PASSED and not sound:
        answer = replace(answer, verdict=Verdict.ERROR, reason="the measured value is not a number")
    return replace(
        answer,
        measured=None if answer.measured is None else float(answer.measured),
        n=None if answer.n is None else int(answer.n),
        evidence=_plain(answer.evidence),
    )


def _plain(value: Any) -> Any:
    """Evidence as JSON can hold it: NumPy numbers as Python's, NaN and infinities as null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
