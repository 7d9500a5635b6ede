"""What a product predicts: a number, a yes or no, or one of several classes.

>>> Regression("price", available_after="1d", interval=0.8).task
'regression'
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from interlock.clock import parse_span
from interlock.errors import Mistake
from interlock.features.declare import Label
from interlock.train.answer import Task
from interlock.train.decision_rule import Costs, MaxFBeta, MinCost, Rule, rule_row


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
    """Yes or no: a boolean column or label, or one whose values are 0 and 1.

    "Yes" is answered from a probability of ``threshold`` on: a number, or chosen on the tune rows
    by ``il.MinCost(…)`` or ``il.MaxFBeta(…)``; without one, where yes is the likelier.
    """

    threshold: float | MinCost | MaxFBeta | None = None

    task: ClassVar[Task] = "binary"
    default_metric: ClassVar[str] = "log_loss"


@dataclass(frozen=True)
class Multiclass(_Target):
    """One of several classes: a column or label of strings, integers or booleans.

    With ``costs`` the class of least expected cost is answered; without, the likeliest one.
    """

    costs: Costs | None = None

    task: ClassVar[Task] = "multiclass"
    default_metric: ClassVar[str] = "log_loss"


Target = Regression | Binary | Multiclass


def rule_of(target: Target) -> Rule | None:
    """How the class that is answered is decided; None where it is the likeliest."""
    if isinstance(target, Binary):
        return target.threshold
    return target.costs if isinstance(target, Multiclass) else None


def decision_mistakes(target: Target) -> Iterator[Mistake]:
    """A threshold or costs that cannot be used."""
    rule = rule_of(target)
    if rule is None:
        return
    part = "threshold" if isinstance(target, Binary) else "costs"
    for expected, got in _rule_problems(target, rule):
        yield Mistake(
            code="C138",
            what="how the answered class is decided cannot be used",
            where=f"target, {part}",
            expected=expected,
            got=got,
            fix=f"correct {part}=…, or leave it out: the likelier class is answered then",
        )


def _rule_problems(target: Target, rule: Any) -> list[tuple[str, str]]:
    if isinstance(target, Multiclass):
        if not isinstance(rule, Costs):
            return [("il.Costs({true class: {answered class: cost}})", repr(rule)[:80])]
        return rule.problems()
    if isinstance(rule, MinCost | MaxFBeta):
        return rule.problems()
    if isinstance(rule, int | float) and not isinstance(rule, bool) and 0 < rule < 1:
        return []
    return [("a probability between 0 and 1, il.MinCost(…) or il.MaxFBeta(…)", repr(rule)[:80])]


def decision_row(target: Target) -> Any:
    """The rule as plain JSON values, for digests; None where there is none."""
    return rule_row(rule_of(target))


def target_row(target: Target) -> dict[str, Any]:
    """Plain JSON values of a declaration, for digests; how classes are decided is none of it."""
    row: dict[str, Any] = {"task": target.task, "name": target.name, "delay": target.delay}
    if isinstance(target, Regression):
        row |= {"interval": target.interval, "unit": target.unit}
    return row
