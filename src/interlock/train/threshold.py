"""Which threshold a classifier decides at: what a product declares, and the choice on tune rows.

The choice is made after the probabilities are calibrated, on rows that neither training nor
calibration has seen. Every competitor gets the threshold that is best for it.

>>> rng = np.random.default_rng(0)
>>> chance = rng.random(4_000)
>>> late = (rng.random(4_000) < chance).astype(int)
>>> rule = MinCost(false_positive=1, false_negative=4)
>>> found = choose(rule, late, np.column_stack([1 - chance, chance]), (False, True), seed=1)
>>> rule.due, found.low < rule.due < found.high
(0.2, True)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from interlock.errors import AuthorError
from interlock.stats.bootstrap import Means, bootstrap, percentile_interval
from interlock.stats.resamples import Resamples
from interlock.train.cuts import Cuts, OfSides
from interlock.train.decision import Decision, Floats, Matrix

RESAMPLES = 500
FEWEST_OF_CLASS = 10
"""Fewer tune rows of a class cannot say where to draw the line."""
_CURVE_POINTS = 60


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


@dataclass(frozen=True, kw_only=True)
class Point:
    """A threshold, what was measured at it, and the 95 % interval of that."""

    threshold: float
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A decision, and what it rests on.

    ``measure`` names what was made least or greatest: "cost" or "f2"; "" for a declared threshold.
    ``value`` is that at the decision, from ``value_low`` to ``value_high``. ``low`` and ``high``
    are the interval of the threshold itself: how far another sample of ``n`` rows would have moved
    it. ``curve`` runs over rising thresholds. ``due`` is the threshold that is best where the
    probabilities come true as often as they say, None where that is not known.
    """

    decision: Decision
    rule: Mapping[str, Any]
    n: int
    measure: str = ""
    unit: str = "1"
    value: float | None = None
    value_low: float | None = None
    value_high: float | None = None
    low: float | None = None
    high: float | None = None
    due: float | None = None
    curve: tuple[Point, ...] = ()

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        row = {**vars(self), "decision": self.decision.to_row(), "rule": dict(self.rule)}
        return row | {"curve": [asdict(point) for point in self.curve]}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Chosen:
        """The inverse of :meth:`to_row`."""
        points = tuple(Point(**point) for point in row["curve"])
        decision = Decision.from_row(row["decision"])
        return cls(**{**row, "decision": decision, "curve": points})


def choose(
    rule: Rule,
    y: NDArray[Any],
    probabilities: Floats,
    classes: Sequence[Any],
    *,
    seed: int,
    clusters: ArrayLike | None = None,
) -> Chosen:
    """What the rule says on these rows: ``y`` (n_rows,) class indices, ``probabilities``
    (n_rows, n_classes), ``clusters`` (n_rows,) ids of rows that depend on each other.

    Raises AuthorError T130 where the rows cannot say.
    """
    row = rule_row(rule)
    if not isinstance(rule, MinCost | MaxFBeta | Costs):
        return Chosen(decision=Decision(threshold=float(rule)), rule=row, n=len(y))
    usable = np.isfinite(probabilities).all(axis=1)
    truth, odds = np.asarray(y, dtype=np.intp)[usable], probabilities[usable]
    if not len(truth):
        raise _undecided("no tune row with finite probabilities")
    ids = None if clusters is None else np.asarray(clusters)[usable]
    drawn = Resamples.of(len(truth), seed=seed, clusters=ids, count=RESAMPLES)
    if isinstance(rule, Costs):
        return _least_expected(rule, truth, odds, classes, drawn)
    seen = np.bincount(truth, minlength=2)
    if seen.min() < FEWEST_OF_CLASS:
        raise _undecided(f"{seen[1]} rows of yes and {seen[0]} of no")
    cuts = Cuts.of(odds[:, 1], truth == 1)
    if isinstance(rule, MinCost):
        return _least_cost(rule, truth, odds, cuts, drawn)
    return _greatest_f(rule, truth, cuts, drawn)


def _least_cost(
    rule: MinCost, truth: NDArray[np.intp], odds: Floats, cuts: Cuts, drawn: Resamples
) -> Chosen:
    """The threshold that is due, or the cheapest one where it is shown to be cheaper."""
    at, resampled = _measured(_cost_of(rule), cuts, drawn)
    near = np.argsort(np.abs(cuts.thresholds - rule.due), kind="stable")
    cheapest = Decision(threshold=float(cuts.thresholds[near[_least(at[near])]]))
    due = Decision(threshold=rule.due)
    paid = {d.threshold: np.array(rule.costs)[truth, d.classes(odds)] for d in (cheapest, due)}
    found = [Means(paid[d.threshold][:, None]) for d in (cheapest, due)]
    costs = bootstrap(found, drawn)
    shown = percentile_interval(costs[:, 1] - costs[:, 0])[0] > 0
    reach = _reach(
        np.concatenate([[rule.due], cuts.thresholds[near]]),
        np.column_stack([costs[:, 1], resampled[:, near]]),
    )
    chosen = cheapest if shown else due
    low, high = percentile_interval(costs[:, 0 if shown else 1])
    return Chosen(
        decision=chosen,
        rule=rule_row(rule),
        n=len(truth),
        measure="cost",
        unit=rule.unit,
        value=float(paid[chosen.threshold].mean()),
        value_low=low,
        value_high=high,
        low=reach[0],
        high=reach[1],
        due=rule.due,
        curve=_curve(cuts.thresholds, at, resampled),
    )


def _greatest_f(rule: MaxFBeta, truth: NDArray[np.intp], cuts: Cuts, drawn: Resamples) -> Chosen:
    at, resampled = _measured(_f_of(rule), cuts, drawn)
    reach = _reach(cuts.thresholds, -resampled)
    best = _least(-at)
    low, high = percentile_interval(resampled[:, best])
    return Chosen(
        decision=Decision(threshold=float(cuts.thresholds[best])),
        rule=rule_row(rule),
        n=len(truth),
        measure=f"f{rule.beta:g}",
        value=float(at[best]),
        value_low=low,
        value_high=high,
        low=reach[0],
        high=reach[1],
        curve=_curve(cuts.thresholds, at, resampled),
    )


def _measured(of_sides: OfSides, cuts: Cuts, drawn: Resamples) -> tuple[Floats, Floats]:
    """At every cut: of all rows (n_cuts,), and of every resample (n_resamples, n_cuts)."""
    return cuts.measured(of_sides, None)[0], cuts.measured(of_sides, drawn)


def _reach(thresholds: Floats, resampled: Floats) -> tuple[float, float]:
    """How far the threshold of the least value moves from resample to resample.

    ``thresholds`` are (n,), ``resampled`` (n_resamples, n); of equals the first is taken.
    """
    known = np.where(np.isnan(resampled), np.inf, resampled)
    found = [thresholds[_least(values)] for values in known]
    return percentile_interval(np.array(found))


def _cost_of(rule: MinCost) -> OfSides:
    (right_no, wrong_yes), (wrong_no, right_yes) = rule.costs

    def cost(hits: Floats, alarms: Floats, positives: Floats, negatives: Floats) -> Floats:
        yes = right_yes * hits + wrong_yes * alarms
        no = wrong_no * (positives - hits) + right_no * (negatives - alarms)
        return (yes + no) / (positives + negatives)

    return cost


def _f_of(rule: MaxFBeta) -> OfSides:
    square = rule.beta**2

    def f(hits: Floats, alarms: Floats, positives: Floats, negatives: Floats) -> Floats:
        return (1 + square) * hits / (square * positives + hits + alarms)

    return f


def _least(values: Floats) -> int:
    """The place of the least value, of equals the first: what rounding alone parts is equal."""
    least = np.nanmin(values)
    return int(np.argmax(values <= least + 1e-12 * max(1.0, abs(least))))


def _curve(thresholds: Floats, at: Floats, resampled: Floats) -> tuple[Point, ...]:
    """As many points as a picture shows, evenly spread over the rows."""
    shown = np.unique(np.linspace(0, len(at) - 1, _CURVE_POINTS).astype(int))
    points = []
    for place in shown[np.isfinite(at[shown])]:
        low, high = percentile_interval(resampled[:, place])
        if math.isfinite(low) and math.isfinite(high):
            points.append(
                Point(
                    threshold=float(thresholds[place]), value=float(at[place]), low=low, high=high
                )
            )
    return tuple(points)


def _least_expected(
    rule: Costs, truth: NDArray[np.intp], odds: Floats, classes: Sequence[Any], drawn: Resamples
) -> Chosen:
    strangers = rule.strangers(classes)
    if strangers:
        listed = ", ".join(map(repr, classes))
        raise _undecided(f"costs of {', '.join(map(repr, strangers))}; the classes are {listed}")
    decision = Decision(costs=rule.matrix(classes))
    paid = np.array(decision.costs)[truth, decision.classes(odds)]
    low, high = percentile_interval(bootstrap([Means(paid[:, None])], drawn)[:, 0])
    return Chosen(
        decision=decision,
        rule=rule_row(rule),
        n=len(truth),
        measure="cost",
        unit=rule.unit,
        value=float(paid.mean()),
        value_low=low,
        value_high=high,
    )


def _undecided(got: str) -> AuthorError:
    return AuthorError(
        "T130",
        "the rows cannot say which class to answer",
        expected=f"at least {FEWEST_OF_CLASS} tune rows of each class, and costs of classes "
        "that there are",
        got=got,
        fix="lengthen the tune part of the split, correct the costs, or declare threshold=0.5",
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
