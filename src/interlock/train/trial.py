"""What a search improves, and one attempt of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from interlock.train.answer import Floats


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What a search improves: ``measure(y, prediction)``, and which way is better.

    ``y`` is (n_rows,), ``prediction`` (n_rows,) values or (n_rows, n_classes) probabilities.
    """

    measure: Callable[[NDArray[Any], Floats], float]
    better: Literal["lower", "higher"]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One attempt: its parameters and its score; or no score, and what went wrong."""

    number: int
    params: Mapping[str, Any]
    score: float | None
    problem: str = ""

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "number": self.number,
            "params": dict(self.params),
            "score": self.score,
            "problem": self.problem,
        }
