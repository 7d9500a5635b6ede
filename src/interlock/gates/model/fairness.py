"""Does the winner treat groups alike, as far as the product must?

It passes where every two groups are shown to be as close as asked; it fails where two are shown not
to be. Groups need not be known to the model, nor be sent by consumers.

>>> Fair("origin", "equalized_odds", max_difference=0.1).measures
('true_positive_rate', 'false_positive_rate')
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from interlock.errors import AuthorError
from interlock.evaluate.custom import metric_name
from interlock.evaluate.fairness import (
    RATES,
    Compared,
    Group,
    Groups,
    by_group,
    compared,
    fairlearn_values,
)
from interlock.evaluate.judge import Limit
from interlock.evaluate.metrics import format_value
from interlock.evaluate.parts import Part
from interlock.evaluate.slices import FEWEST_ROWS, FEWEST_UNITS
from interlock.gates.finding import finite, limit_text, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.model.cuts import names_of, parts_by
from interlock.gates.model.measurement import WinnerMeasurement
from interlock.gates.model.together import JUDGED_SHARE
from interlock.verdict import Check, Verdict, worst

EQUALIZED_ODDS = "equalized_odds"
MEASURES: tuple[str, ...] = (*RATES, EQUALIZED_ODDS)
"""What can be compared between groups beside any metric; of classifiers with two classes."""
_NAMED = 5  # groups of which nothing is said, in the reason
_SAME = 1e-9  # relative: sums in another order


@dataclass(frozen=True)
class Fair(Declared):
    """Every two groups of the test rows are answered alike, within a limit.

    ``by`` names what makes the groups: request fields, features or source columns; of several,
    every combination is a group. ``metric`` is one of ``selection_rate`` (demographic parity),
    ``true_positive_rate``, ``false_positive_rate``, ``equalized_odds`` (both) for two classes, or
    any metric: the error, or for a regression the bias as ``mean_error``, by group; the product's
    own where not given. ``max_difference`` is in its unit; ``min_ratio`` is that of the lower group
    to the higher, as 0.8 in the four-fifths rule.
    """

    by: Any
    metric: Any = None
    max_difference: float | None = None
    min_ratio: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", names_of(self.by))
        named = None if self.metric is None else metric_name(self.metric)
        object.__setattr__(self, "metric", named)

    def validate(self) -> None:
        """Raises AuthorError M203 unless there is one limit that can be used, and something by."""
        if (self.max_difference is None) == (self.min_ratio is None) or not self.by:
            raise AuthorError(
                "M203",
                "what is fair is not clear",
                where="Fair(…)",
                expected="by=…, and either max_difference=… or min_ratio=…",
                got=repr(self),
                fix="declare one il.Fair(…) for each question",
            )
        if self.max_difference is not None:
            finite(self.max_difference, "M203", "Fair(max_difference=…)", low=1e-12)
        else:
            finite(self.min_ratio, "M203", "Fair(min_ratio=…)", low=1e-3, high=0.999)

    @property
    def measures(self) -> tuple[str, ...]:
        """The rates or the metric that are compared; empty for the product's own metric."""
        if self.metric == EQUALIZED_ODDS:
            return ("true_positive_rate", "false_positive_rate")
        return () if self.metric is None else (str(self.metric),)

    @property
    def limit(self) -> Limit:
        """Where the difference, or the ratio, of two groups must lie."""
        if self.min_ratio is not None:
            return Limit(at_least=self.min_ratio)
        return Limit(at_most=self.max_difference)

    def judge(self, measurement: WinnerMeasurement) -> tuple[Check, ...]:
        """One answer, about the two groups that are furthest apart."""
        measures = self.measures or (measurement.metric,)
        unit = self._unit(measurement, measures[0])
        name = self._named(measures, unit)
        missing = [column for column in self.by if column not in measurement.columns]
        flaw = f"there is no column {', '.join(missing)} to group by" if missing else ""
        flaw = flaw or measurement.flaw or _undefined(measurement, measures)
        if flaw:
            return (unmeasured(name, "M223", flaw),)
        parts = _groups(measurement, self.by)
        if len(parts) < 2:
            return (unmeasured(name, "M223", "all rows are of one group"),)
        found = [_measured(measurement, measure, parts) for measure in measures]
        evidence = {"candidate": measurement.winner, "metric": self.metric or measurement.metric}
        return (self._answer(name, found, unit, evidence),)

    def _named(self, measures: Sequence[str], unit: str) -> str:
        what = EQUALIZED_ODDS if len(measures) > 1 else measures[0]
        kind = "difference" if self.min_ratio is None else "ratio"
        shown = limit_text(self.limit, unit if self.min_ratio is None else "1")
        return f"{what} by {' and '.join(self.by)}: {kind} {shown}"

    def _unit(self, measurement: WinnerMeasurement, measure: str) -> str:
        if measure in RATES:
            return "%"
        return measurement.named(measure).unit_shown(measurement.target_unit)

    def _answer(
        self, name: str, found: Sequence[Groups], unit: str, evidence: Mapping[str, Any]
    ) -> Check:
        limit = self.limit
        pairs = [
            (groups, pair)
            for groups in found
            for pair in compared(groups, limit=limit.value, ratio=self.min_ratio is not None)
        ]
        known = {**evidence, "groups": [_row(groups, unit) for groups in found]}
        thin = next((text for groups in found if (text := _thin(groups))), "")
        if not pairs:
            return Check(
                name=name,
                verdict=Verdict.INCONCLUSIVE,
                reason="; ".join(filter(None, [thin, *map(_ignored, found)])),
                evidence={"code": "M223", **known},
            )
        groups, furthest = min(pairs, key=lambda pair: _closeness(pair[1], limit))
        verdict = worst(pair.verdict for _, pair in pairs)
        shown = unit if self.min_ratio is None else "1"
        known["between"] = [furthest.higher, furthest.lower]
        reason = (
            "" if verdict is Verdict.PASSED else _in_words(groups, furthest, limit, unit, shown)
        )
        if verdict in (Verdict.PASSED, Verdict.INCONCLUSIVE) and thin:
            verdict, reason = Verdict.INCONCLUSIVE, thin
        reason = "; ".join(filter(None, [reason, *map(_ignored, found)]))
        return Check(
            name=name,
            verdict=verdict,
            measured=furthest.value,
            comparison=limit.glyph,
            threshold=limit.value,
            interval=furthest.interval,
            n=furthest.rows,
            unit=shown,
            reason=reason,
            evidence=known if verdict is Verdict.PASSED else {"code": "M223", **known},
        )


def _undefined(measurement: WinnerMeasurement, measures: Sequence[str]) -> str:
    """Why the measures are undefined on all rows, or ""."""
    prediction = measurement.predictions[measurement.winner]
    if not (np.isfinite(measurement.y).all() and np.isfinite(np.asarray(prediction)).all()):
        return "a truth or a prediction is not a finite number"
    for measure in measures:
        if measure in RATES:
            continue
        if not np.isfinite(measurement.named(measure).value(measurement.y, prediction)):
            return f"{measure} is undefined on the test rows"
    return ""


def _groups(measurement: WinnerMeasurement, names: Sequence[str]) -> tuple[Part, ...]:
    """The parts of one column, or every combination of those of several that has a row."""
    each = [parts_by(measurement, [name]) for name in names]
    if len(each) == 1:
        return each[0]
    found = []
    for some in product(*each):
        rows = np.logical_and.reduce([part.rows for part in some])
        if rows.any():
            label = ", ".join(part.label for part in some)
            found.append(Part(column=" and ".join(names), label=label, rows=rows))
    return tuple(sorted(found, key=lambda part: -part.n))


def _measured(measurement: WinnerMeasurement, measure: str, parts: Sequence[Part]) -> Groups:
    """The groups' values. Raises RuntimeError where fairlearn finds others."""
    metric = None if measure in RATES else measurement.named(measure)
    prediction = measurement.predictions[measurement.winner]
    found = by_group(measure, metric, measurement.y, prediction, parts, measurement.resamples)
    judged = [part for part, group in zip(parts, found.groups, strict=True) if group.judged]
    if judged:
        theirs = fairlearn_values(measure, metric, measurement.y, prediction, judged)
        for group in found.judged:
            if not math.isclose(group.value, theirs[group.label], rel_tol=_SAME, abs_tol=_SAME):
                raise RuntimeError(
                    f"{measure} of {group.label} is {group.value!r}, "
                    f"fairlearn finds {theirs[group.label]!r}"
                )
    return found


def _closeness(pair: Compared, limit: Limit) -> tuple[int, float, float]:
    """Sorts the clearest failures first, then the widest apart."""
    order = list(Verdict)
    apart = -pair.value if limit.at_most is not None else pair.value
    return -order.index(pair.verdict), pair.p, apart


def _thin(found: Groups) -> str:
    """Why too few rows lie in groups that can be judged, or ""."""
    if found.judged_share >= JUDGED_SHARE:
        if len(found.judged) >= 2:
            return ""
        return f"fewer than two groups have enough rows for {found.measure}"
    share, needed = f"{found.judged_share:.0%}", f"{JUDGED_SHARE:.0%}"
    text = f"only {share} of the rows lie in groups that can be judged; {needed} are needed"
    few = f" ({FEWEST_ROWS} rows, and {FEWEST_UNITS} units that {found.measure} is about)"
    return text.replace("%", " %") + few


def _ignored(found: Groups) -> str:
    """The groups of which nothing is said, by name, or ""."""
    away = [group for group in found.groups if not group.judged]
    if not away:
        return ""
    named = ", ".join(f"{g.label} ({g.n:,}, {g.reason})" for g in away[:_NAMED])
    more = f" and {len(away) - _NAMED:,} more" if len(away) > _NAMED else ""
    share = format_value(sum(group.share for group in away), "%")
    return f"not judged for {found.measure}, {share} of the rows: {named}{more}"


def _in_words(groups: Groups, pair: Compared, limit: Limit, unit: str, shown: str) -> str:
    """The two groups furthest apart, with their values."""
    values = {group.label: group for group in groups.judged}
    sides = [
        f"{label} {format_value(values[label].value, unit)} ({values[label].rows:,} rows)"
        for label in (pair.higher, pair.lower)
    ]
    kind = "difference" if limit.at_most is not None else "ratio"
    text = f"{groups.measure}: {sides[0]} against {sides[1]}, {kind} "
    text += format_value(pair.value, shown)
    if pair.interval is None:
        return f"{text}, which has no interval"
    low, high = (format_value(end, shown) for end in (pair.interval.low, pair.interval.high))
    return f"{text}, 95 % interval {low} to {high}, must be {limit_text(limit, shown)}"


def _row(found: Groups, unit: str) -> dict[str, Any]:
    return {
        "measure": found.measure,
        "unit": unit,
        "groups": [_group_row(group) for group in found.groups],
    }


def _group_row(group: Group) -> dict[str, Any]:
    ends = group.interval
    return {
        "label": group.label,
        "n": group.n,
        "rows": group.rows,
        "share": group.share,
        "value": group.value if group.judged else None,
        "low": ends.low if ends else None,
        "high": ends.high if ends else None,
        "reason": group.reason,
    }
