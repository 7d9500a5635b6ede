"""How a product declares which class is answered.

>>> MinCost(false_positive=1, false_negative=4).due
0.2
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from interlock.train.decision import Matrix


@dataclass(frozen=True)
class MinCost:
    """The threshold at which predictions cost least on average.

    What a row costs where "yes" is answered and not true, and so on, in ``unit``; a gain is
    negative. Where probabilities come true as often as they say, the best threshold is known
    (``due``; Elkan 2001): it is taken, unless the tune rows show another one to be cheaper.
    """

    false_positive: float
    false_negative: float
    true_positive: float = 0.0
    true_negative: float = 0.0
    unit: str = "1"

    @property
    def costs(self) -> Matrix:
        """By true class (rows) and answered class (columns)."""
        return (
            (float(self.true_negative), float(self.false_positive)),
            (float(self.false_negative), float(self.true_positive)),
        )

    @property
    def due(self) -> float:
        """The best threshold for probabilities that come true as often as they say."""
        (right_no, wrong_yes), (wrong_no, right_yes) = self.costs
        return (wrong_yes - right_no) / (wrong_yes - right_no + wrong_no - right_yes)

    def problems(self) -> list[tuple[str, str]]:
        """(expected, got) for what cannot be used."""
        numbers = [self.false_positive, self.false_negative, self.true_positive, self.true_negative]
        if not all(map(_is_number, numbers)):
            return [("costs that are finite numbers", ", ".join(map(repr, numbers)))]
        (right_no, wrong_yes), (wrong_no, right_yes) = self.costs
        if wrong_yes <= right_no or wrong_no <= right_yes:
            got = ", ".join(f"{cost:g}" for cost in numbers)
            return [("a wrong answer to cost more than the right one", got)]
        return [] if isinstance(self.unit, str) and self.unit else [("unit='…'", repr(self.unit))]


@dataclass(frozen=True)
class MaxFBeta:
    """The threshold with the greatest F-beta; recall weighs ``beta`` times as much as precision."""

    beta: float = 1.0

    def problems(self) -> list[tuple[str, str]]:
        """(expected, got) for what cannot be used."""
        sound = _is_number(self.beta) and self.beta > 0
        return [] if sound else [("a beta above 0", repr(self.beta))]


@dataclass(frozen=True)
class Costs:
    """What wrong answers cost: by true class and answered class; ``other`` for pairs not named.

    The right answer costs nothing unless it is named.

    >>> Costs({"ham": {"spam": 20}}).matrix(("ham", "spam"))
    ((0.0, 20.0), (1.0, 0.0))
    """

    of: Mapping[Any, Mapping[Any, float]] = field(default_factory=dict)
    other: float = 1.0
    unit: str = "1"

    def matrix(self, classes: Sequence[Any]) -> Matrix:
        """By true class (rows) and answered class (columns), in the order of ``classes``."""
        return tuple(
            tuple(
                float(self.of.get(true, {}).get(answered, 0.0 if true == answered else self.other))
                for answered in classes
            )
            for true in classes
        )

    def strangers(self, classes: Sequence[Any]) -> list[Any]:
        """Classes that are named and that no row has."""
        named = {*self.of, *(answered for row in self.of.values() for answered in row)}
        return sorted(named - set(classes), key=str)

    def problems(self) -> list[tuple[str, str]]:
        """(expected, got) for what cannot be used, the names of classes left aside."""
        shape = "{true class: {answered class: cost}}"
        if not isinstance(self.of, Mapping) or not all(
            isinstance(row, Mapping) for row in self.of.values()
        ):
            return [(shape, repr(self.of)[:80])]
        numbers = [self.other, *(cost for row in self.of.values() for cost in row.values())]
        if not all(map(_is_number, numbers)):
            return [("costs that are finite numbers", ", ".join(map(repr, numbers))[:80])]
        return [] if isinstance(self.unit, str) and self.unit else [("unit='…'", repr(self.unit))]


Rule: TypeAlias = "float | MinCost | MaxFBeta | Costs"
"""How a product declares which class is answered."""


def rule_row(rule: Rule | None) -> Any:
    """Plain JSON values of a rule; None where there is none."""
    if rule is None:
        return None
    if isinstance(rule, Costs):
        pairs = [[str(t), str(a), cost] for t, row in rule.of.items() for a, cost in row.items()]
        return {"rule": "Costs", "of": sorted(pairs), "other": rule.other, "unit": rule.unit}
    if isinstance(rule, MinCost | MaxFBeta):
        return {"rule": type(rule).__name__, **asdict(rule)}
    return {"rule": "threshold", "threshold": rule}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
