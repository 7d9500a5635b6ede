"""Is the winner good enough everywhere, or does its average hide who it fails?

A slice *fails* where it is shown to be worse than allowed: its 95 % interval lies beyond, and so
does the q-value of all slices together (Benjamini–Hochberg at 5 %). The check fails where any slice
does. It is no proof that every slice is good: where a slice has too few rows to tell, it passes
with a doubt that its evidence shows; but the slices that can be judged must hold 90 % of the rows.

>>> Slices(by=["stories", "garage"], limit=0.25).to_row()["by"]
('stories', 'garage')
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from interlock.errors import AuthorError
from interlock.evaluate.custom import metric_name
from interlock.evaluate.metrics import Metric, format_value
from interlock.evaluate.slices import FEWEST_ROWS, FEWEST_UNITS, Rule, Slice, sliced
from interlock.gates.finding import finite, percent, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.model.champion import without_champion
from interlock.gates.model.cuts import names_of, parts_by
from interlock.gates.model.measurement import ModelMeasurement
from interlock.verdict import Check, Interval, Verdict

JUDGED_SHARE = 0.90
"""The share of rows that judged slices must hold, for each column that rows are cut by."""
DEFAULT_MARGIN = "20%"
_NAMED = 3  # failing slices named in the reason


@dataclass(frozen=True)
class Slices(Declared):
    """No slice of the test rows is shown to be worse than allowed.

    ``by`` names request fields, features or source columns; numbers are cut into quantile ranges.
    Without it: the model's inputs with few values, and ranges of its numeric request fields and
    features. What is allowed is one of: ``limit``, of the metric in each slice; ``margin`` beyond
    what the champion has in the same slice, or, with ``than="overall"``, beyond what the winner has
    on all rows; a number in the metric's unit, or a text such as "20%" of that value. Without
    either: no more than 20 % worse than the champion. ``metric`` is the product's where not given.
    """

    by: Any = ()
    metric: Any = None
    limit: float | None = None
    margin: float | str | None = None
    than: str = "champion"

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", names_of(self.by))
        named = None if self.metric is None else metric_name(self.metric)
        object.__setattr__(self, "metric", named)

    def validate(self) -> None:
        """Raises AuthorError M203 for limits that cannot be used together, or at all."""
        if self.than not in ("champion", "overall") or None not in (self.limit, self.margin):
            raise AuthorError(
                "M203",
                "what is allowed in a slice is not clear",
                where="Slices(…)",
                expected="a limit, or a margin with than='champion' or than='overall'",
                got=repr(self),
                fix="declare one il.Slices(…) for each question",
            )
        if self.limit is not None:
            finite(self.limit, "M203", "Slices(limit=…)", low=-math.inf)
        share = percent(self._margin) if isinstance(self._margin, str) else None
        finite(self._margin if share is None else share, "M203", "Slices(margin=…)", low=0)

    @property
    def _margin(self) -> float | str:
        return DEFAULT_MARGIN if self.margin is None else self.margin

    @property
    def rule(self) -> Rule:
        """What is allowed in a slice."""
        if self.limit is not None:
            return Rule(limit=float(self.limit))
        share = percent(self._margin) if isinstance(self._margin, str) else None
        return Rule(
            margin=float(self._margin) if share is None else share, relative=share is not None
        )

    def judge(self, measurement: ModelMeasurement) -> tuple[Check, ...]:
        """One answer, about the worst slice; all slices are its evidence."""
        metric = measurement.named(self.metric or measurement.metric)
        name = self._named(metric, metric.unit_shown(measurement.target_unit))
        paired = self.limit is None and self.than == "champion"
        shut = without_champion(measurement, name) if paired else None
        if shut is not None:
            return (shut,)
        if measurement.flaw:
            return (unmeasured(name, "M209", measurement.flaw),)
        if not metric.ranks:
            return (unmeasured(name, "M203", f"of {metric.name} neither side is worse"),)
        names = self.by or measurement.automatic
        missing = [column for column in names if column not in measurement.columns]
        if missing or not names:
            reason = f"there is no column {', '.join(missing)}" if missing else "there is no column"
            return (unmeasured(name, "M220", f"{reason} to cut the rows by"),)
        if not all(np.isfinite(value) for value in _values(metric, measurement, paired=paired)):
            reason = f"{metric.name} is undefined on the rows compared"
            return (unmeasured(name, "M209", reason),)
        found = self._sliced(metric, measurement, names, paired=paired)
        kept = found if self.by else _without_thin(found)
        left_out = [column for column in names if column not in {s.column for s in kept}]
        return (_answer(name, metric, measurement, kept, left_out),)

    def _named(self, metric: Metric, unit: str) -> str:
        where = f"slice of {', '.join(self.by)}" if self.by else "slice"
        if self.limit is not None:
            side = "below" if metric.better == "lower" else "above"
            return f"{metric.name} {side} {format_value(self.limit, unit)} in every {where}"
        margin = self._margin if isinstance(self._margin, str) else format_value(self._margin, unit)
        other = "champion in every" if self.than == "champion" else "overall in any"
        return f"{metric.name} no more than {margin} worse than {other} {where}"

    def _sliced(
        self,
        metric: Metric,
        measurement: ModelMeasurement,
        names: Sequence[str],
        *,
        paired: bool,
    ) -> tuple[Slice, ...]:
        y, prediction = measurement.y, measurement.predictions[measurement.winner]
        if not paired:
            parts = parts_by(measurement, names)
            return sliced(metric, y, prediction, parts, measurement.resamples, self.rule)
        assert measurement.champion_prediction is not None
        assert measurement.champion_rows is not None
        rows = measurement.champion_rows
        return sliced(
            metric,
            y[rows],
            prediction[rows],
            parts_by(measurement, names, rows),
            measurement.resamples.within(rows),
            self.rule,
            other=measurement.champion_prediction[rows],
        )


def _values(metric: Metric, measurement: ModelMeasurement, *, paired: bool) -> list[float]:
    """The metric on all rows compared: a slice without a value may be small, its rows not bad."""
    y, prediction = measurement.y, measurement.predictions[measurement.winner]
    other, rows = measurement.champion_prediction, measurement.champion_rows
    if not paired or other is None or rows is None:
        return [metric.value(y, prediction)]
    return [metric.value(y[rows], prediction[rows]), metric.value(y[rows], other[rows])]


def _without_thin(found: Sequence[Slice]) -> tuple[Slice, ...]:
    """The slices of columns that have enough of them to judge: nobody asked for the others."""
    shares = judged_shares(found)
    kept = [name for name, share in shares.items() if share >= JUDGED_SHARE]
    return tuple(s for s in found if s.column in kept)


def judged_shares(found: Sequence[Slice]) -> dict[str, float]:
    """By column, the share of rows in slices that could be judged."""
    shares: dict[str, float] = {}
    for part in found:
        shares[part.column] = shares.get(part.column, 0.0) + part.share * part.judged
    return shares


def _answer(
    name: str,
    metric: Metric,
    measurement: ModelMeasurement,
    found: Sequence[Slice],
    left_out: Sequence[str],
) -> Check:
    unit = metric.unit_shown(measurement.target_unit)
    judged = [s for s in found if s.judged]
    evidence = {
        "candidate": measurement.winner,
        "metric": metric.name,
        "slices": [slice_row(s) for s in found],
        "left_out": list(left_out),
    }
    if not judged:
        reason = f"no slice has {FEWEST_ROWS} rows of {FEWEST_UNITS} independent units"
        return Check(
            name=name,
            verdict=Verdict.INCONCLUSIVE,
            reason=reason + _needed(found),
            evidence={"code": "M220", **evidence},
        )
    worst = min(judged, key=lambda s: (s.verdict is not Verdict.FAILED, s.p, -s.n))
    failing = sorted((s for s in judged if s.verdict is Verdict.FAILED), key=lambda s: s.p)
    verdict, reason = Verdict.PASSED, ""
    if failing:
        verdict = Verdict.FAILED
        reason = _failing(failing, metric, unit)
    elif (thin := _thin(found)) and len(thin):
        verdict, reason = Verdict.INCONCLUSIVE, thin
    return Check(
        name=name,
        verdict=verdict,
        measured=worst.value,
        comparison="≤" if metric.better == "lower" else "≥",
        threshold=worst.allowed,
        interval=worst.compared,
        n=worst.n,
        unit=unit,
        reason=reason,
        evidence={**({} if verdict is Verdict.PASSED else {"code": "M220"}), **evidence},
    )


def _failing(failing: Sequence[Slice], metric: Metric, unit: str) -> str:
    """The failing slices in words, the clearest first."""
    texts = [_in_words(s, metric, unit) for s in failing[:_NAMED]]
    more = len(failing) - len(texts)
    return "; ".join(texts) + (f"; and {more} more" if more else "")


def _in_words(part: Slice, metric: Metric, unit: str) -> str:
    assert part.compared is not None
    low, high = (format_value(end, unit) for end in (part.compared.low, part.compared.high))
    glyph = "≤" if metric.better == "lower" else "≥"
    return (
        f"{part.named}: {format_value(part.value, unit)}, 95 % interval {low} to {high}, must be "
        f"{glyph} {format_value(part.allowed, unit)} ({part.n:,} rows, q = {part.q:.2g})"
    )


def _thin(found: Sequence[Slice]) -> str:
    """Why too few rows lie in slices that can be judged, or ""."""
    for column, share in judged_shares(found).items():
        if share < JUDGED_SHARE:
            return (
                f"only {share:.0%} of the rows lie in slices of {column} that can be judged; "
                f"{JUDGED_SHARE:.0%} are needed".replace("%", " %")
            ) + _needed([s for s in found if s.column == column])
    return ""


def _needed(found: Sequence[Slice]) -> str:
    """About how many rows would let enough slices be judged, in words."""
    total, held = sum(s.n for s in found), 0.0
    for part in sorted(found, key=lambda s: -s.n):
        held += part.share
        if held >= JUDGED_SHARE and part.n:
            times = max(FEWEST_ROWS / part.n, FEWEST_UNITS / max(1, part.units))
            if times > 1:
                return f"; about {math.ceil(total * times):,} rows would do, there are {total:,}"
            return ""
    return ""


def slice_row(part: Slice) -> dict[str, Any]:
    """A slice as plain JSON values."""
    return {
        "column": part.column,
        "label": part.label,
        "n": part.n,
        "share": part.share,
        "value": part.value,
        **_ends("low", "high", part.interval),
        "reference": part.reference,
        "allowed": part.allowed,
        **_ends("compared_low", "compared_high", part.compared),
        "p": part.p if part.judged else None,
        "q": part.q if part.judged else None,
        "verdict": part.verdict.value if part.judged else "not judged",
        "reason": part.reason,
    }


def _ends(low: str, high: str, interval: Interval | None) -> dict[str, float | None]:
    return {
        low: interval.low if interval else None,
        high: interval.high if interval else None,
    }
