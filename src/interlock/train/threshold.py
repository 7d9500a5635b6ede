"""Which threshold a classifier decides at: the choice on tune rows, by the rule of the product.

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
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from interlock.errors import AuthorError
from interlock.stats.bootstrap import Means, bootstrap, percentile_interval
from interlock.stats.resamples import Resamples
from interlock.train.cuts import Cuts, OfSides
from interlock.train.decision import Decision, Floats
from interlock.train.decision_rule import Costs, MaxFBeta, MinCost, Rule, rule_row
from interlock.wording import counted

RESAMPLES = 500
FEWEST_OF_CLASS = 10
"""Fewer tune rows of a class cannot say where to draw the line."""
_CURVE_POINTS = 60


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
        raise _undecided(f"{counted(int(seen[1]), 'row')} of yes and {seen[0]} of no")
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
