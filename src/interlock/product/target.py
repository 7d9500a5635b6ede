"""What a product predicts: a number, a yes or no, or one of several classes.

>>> Regression("price", available_after="1d", interval=0.8).task
'regression'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from interlock.clock import parse_span
from interlock.features.declare import Label
from interlock.train.answer import Task


@dataclass(frozen=True)
class _Target:
    """``of`` is a source column or a label function; it is known ``available_after`` the event."""

    of: str | Label
    available_after: str = "0s"

    task: ClassVar[Task]
    default_metric: ClassVar[str] = ""

    @property
    def name(self) -> str:
        """The column's or the label's name."""
        return self.of if isinstance(self.of, str) else self.of.name

    @property
    def delay(self) -> int:
        """How long after the event the label is known, in microseconds."""
        return parse_span(self.available_after)


@dataclass(frozen=True)
class Regression(_Target):
    """A number. ``interval`` asks for prediction intervals of that coverage, such as 0.8."""

    interval: float | None = None
    unit: str = ""

    task: ClassVar[Task] = "regression"
    default_metric: ClassVar[str] = "mae"


@dataclass(frozen=True)
class Binary(_Target):
    """Yes or no: a boolean column or label, or one whose values are 0 and 1."""

    task: ClassVar[Task] = "binary"
    default_metric: ClassVar[str] = "log_loss"


@dataclass(frozen=True)
class Multiclass(_Target):
    """One of several classes: a column or label of strings, integers or booleans."""

    task: ClassVar[Task] = "multiclass"
    default_metric: ClassVar[str] = "log_loss"


Target = Regression | Binary | Multiclass


def target_row(target: Target) -> dict[str, Any]:
    """Plain JSON values of a declaration, for digests."""
    row: dict[str, Any] = {"task": target.task, "name": target.name, "delay": target.delay}
    if isinstance(target, Regression):
        row |= {"interval": target.interval, "unit": target.unit}
    return row
