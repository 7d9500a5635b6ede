"""After the model: packed functions that turn a prediction into the one that is answered.

Invariants: the functions are applied in their order, to the prediction and to each end of its
interval; many rows get what one row gets, to the bit, for it is the same call; low ≤ prediction ≤
high holds afterwards: where a function does not keep their order, the ends are the least and the
greatest of the three, so an interval may grow and never loses its prediction; a function that
raises, or gives None, NaN or no number, fails its row, and what the model said is never answered in
its stead. An answer that is not finite is left as it is: the model failed, not the function.

>>> definition = FeatureDefinition(name="to_tens", arguments=("prediction",), kind="float",
...     nullable_arguments=(), optional=False, module="product", function="to_tens")
>>> tens = PostProcessing([definition], [lambda prediction: round(prediction / 10) * 10])
>>> tens.one(AnswerOne(value=123.4, low=101.0, high=149.9, probabilities=None), ())
AnswerOne(value=120.0, low=100.0, high=150.0, probabilities=None)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from interlock.errors import AUTHOR_FAULTS
from interlock.features.definition import FeatureDefinition
from interlock.features.packed_source import load_functions
from interlock.features.request import RowFailure
from interlock.features.result import CHECKED, checked, checker, describe
from interlock.train.answer import AnswerOne, Answers

PREDICTION = "prediction"

Values = Sequence[Any]


class PostprocessFailure(Exception):  # noqa: N818 - an outcome of a row, not a fault of the program
    """A post-processing function raised, or gave no finite number."""

    def __init__(self, function: str, message: str) -> None:
        super().__init__(f"{function}: {message}")
        self.function = function
        self.message = message


class PostProcessing:
    """The post-processing functions of one release, in the order in which they are applied."""

    def __init__(
        self, definitions: Sequence[FeatureDefinition], functions: Sequence[Callable[..., Any]]
    ) -> None:
        asked = (a for d in definitions for a in d.arguments if a != PREDICTION)
        self.arguments = tuple(dict.fromkeys(asked))
        self._steps = tuple(
            (definition.name, _compiled(definition, function, self.arguments))
            for definition, function in zip(definitions, functions, strict=True)
        )

    @classmethod
    def load(
        cls, sources: Mapping[str, str], definitions: Sequence[FeatureDefinition], *, name: str
    ) -> PostProcessing:
        """Load packed functions; ``name`` must differ between releases (use the bundle's digest).

        Raises IntegrityError F110 when a module cannot be loaded or lacks a declared function.
        """
        if not definitions:
            return cls((), ())
        return cls(definitions, load_functions(sources, definitions, f"_interlock_after_{name}"))

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._steps)

    def one(self, answer: AnswerOne, known: Values) -> AnswerOne:
        """The answer to one row; ``known`` holds the values of ``arguments``, in order.

        Raises PostprocessFailure.
        """
        value, low, high = answer.value, answer.low, answer.high
        if not self._steps or not math.isfinite(value):
            return answer
        if low is None or high is None:
            (value,) = self._applied((value,), known)
            return msgspec.structs.replace(answer, value=value)
        if not (math.isfinite(low) and math.isfinite(high)):
            return answer
        value, low, high = self._applied((value, low, high), known)
        return AnswerOne(value, min(low, value, high), max(low, value, high), answer.probabilities)

    def many(
        self, answers: Answers, known: Mapping[str, Values]
    ) -> tuple[Answers, tuple[RowFailure, ...]]:
        """The answers to n rows, and the rows that failed, whose numbers are NaN.

        ``known`` holds n_rows values for each of ``arguments``.
        """
        if not self._steps:
            return answers, ()
        failures: list[RowFailure] = []
        found = [
            self._kept(number, answer, row, failures)
            for number, (answer, row) in enumerate(
                zip(_each(answers), _rows(known, self.arguments, len(answers.value)), strict=True)
            )
        ]
        ends = {
            name: np.array([getattr(one, name) for one in found], dtype=np.float64)
            for name in ("low", "high")
            if getattr(answers, name) is not None
        }
        value = np.array([one.value for one in found], dtype=np.float64)
        return replace(answers, value=value, **ends), tuple(failures)

    def _applied(self, numbers: Sequence[float], known: Values) -> Sequence[float]:
        for name, step in self._steps:
            found: list[Any]  # numbers, once none is None
            try:
                found = [step(number, known) for number in numbers]
            except AUTHOR_FAULTS as error:
                raise PostprocessFailure(name, describe(error)) from error
            if None in found:
                raise PostprocessFailure(name, "a value that it needs is missing")
            numbers = found
        return numbers

    def _kept(
        self, number: int, answer: AnswerOne, known: Values, failures: list[RowFailure]
    ) -> AnswerOne:
        try:
            return self.one(answer, known)
        except PostprocessFailure as failure:
            failures.append(RowFailure(number, failure.function, failure.message))
            return msgspec.structs.replace(answer, value=math.nan, low=math.nan, high=math.nan)


NO_POSTPROCESSING = PostProcessing((), ())


def _compiled(
    definition: FeatureDefinition, function: Callable[..., Any], names: Sequence[str]
) -> Callable[[float, Values], float | None]:
    """The checked function of (prediction, values by place); None where a value it needs is."""
    places = {name: f"k[{place}]" for place, name in enumerate(names)} | {PREDICTION: "p"}
    needed = [a for a in definition.arguments if a not in definition.nullable_arguments]
    guard = " or ".join(f"{places[a]} is None" for a in needed if a != PREDICTION)
    call = f"function({', '.join(places[a] for a in definition.arguments)})"
    call = checked(definition, call, "check")
    body = f"None if {guard} else {call}" if guard else call
    scope: dict[str, Any] = {"function": function, "check": checker(definition), **CHECKED}
    return eval(f"lambda p, k: {body}", scope)  # type: ignore[no-any-return]  # noqa: S307 - built from places only


def _each(answers: Answers) -> list[AnswerOne]:
    """The answers one by one, as Python's numbers."""
    n = len(answers.value)
    low = [None] * n if answers.low is None else answers.low.tolist()
    high = [None] * n if answers.high is None else answers.high.tolist()
    values = answers.value.tolist()
    return [AnswerOne(v, a, b, None) for v, a, b in zip(values, low, high, strict=True)]


def _rows(known: Mapping[str, Values], names: Sequence[str], n_rows: int) -> list[tuple[Any, ...]]:
    if not names:
        return [()] * n_rows
    return list(zip(*(known[name] for name in names), strict=True))
