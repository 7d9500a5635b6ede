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
from interlock.evaluate.slices import Rule, Slice, sliced
from interlock.gates.finding import finite, percent, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.model.champion import Unfit, check_unfit, left_out, without_champion
from interlock.gates.model.cuts import names_of, parts_by
from interlock.gates.model.measurement import ModelMeasurement, WinnerMeasurement
from interlock.gates.model.together import together, without_thin
from interlock.verdict import Check

DEFAULT_MARGIN = "20%"


@dataclass(frozen=True)
class Slices(Declared):
    """No slice of the test rows is shown to be worse than allowed.

    ``by`` names request fields, features or source columns; numbers are cut into quantile ranges.
    Without it: the model's inputs with few values, and ranges of its numeric request fields and
    features. What is allowed is one of: ``limit``, of the metric in each slice; ``margin`` beyond
    what the champion has in the same slice, or, with ``than="overall"``, beyond what the winner has
    on all rows; a number in the metric's unit, or a text such as "20%" of that value. Without
    either: no more than 20 % worse than the champion. ``metric`` is the product's where not given.
    ``unfit`` is the answer where the champion no longer fits what is declared, as of
    :class:`interlock.gates.model.champion.NoWorseThanChampion`.
    """

    by: Any = ()
    metric: Any = None
    limit: float | None = None
    margin: float | str | None = None
    than: str = "champion"
    unfit: Unfit = "inconclusive"

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
        check_unfit(self, self.unfit)
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

    @property
    def paired(self) -> bool:
        """Whether the winner is held to what the champion has in the same slice."""
        return self.limit is None and self.than == "champion"

    def judge(self, measurement: WinnerMeasurement) -> tuple[Check, ...]:
        """One answer, about the worst slice; all slices are its evidence."""
        metric = measurement.named(self.metric or measurement.metric)
        name = self._named(metric, metric.unit_shown(measurement.target_unit))
        shut = without_champion(_both(measurement), name, self.unfit) if self.paired else None
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
        if not all(np.isfinite(value) for value in self._values(metric, measurement)):
            reason = f"{metric.name} is undefined on the rows compared"
            return (unmeasured(name, "M209", reason),)
        found = self._sliced(metric, measurement, names)
        kept = found if self.by else without_thin(found)
        evidence = {
            "candidate": measurement.winner,
            "metric": metric.name,
            "left_out": [n for n in names if n not in {s.column for s in kept}],
            **(left_out(_both(measurement)) if self.paired else {}),
        }
        unit = metric.unit_shown(measurement.target_unit)
        return (together(name, "M220", kept, unit=unit, evidence=evidence),)

    def _named(self, metric: Metric, unit: str) -> str:
        where = f"slice of {', '.join(self.by)}" if self.by else "slice"
        if self.limit is not None:
            side = "below" if metric.better == "lower" else "above"
            return f"{metric.name} {side} {format_value(self.limit, unit)} in every {where}"
        margin = self._margin if isinstance(self._margin, str) else format_value(self._margin, unit)
        other = "champion in every" if self.than == "champion" else "overall in any"
        return f"{metric.name} no more than {margin} worse than {other} {where}"

    def _sliced(
        self, metric: Metric, measurement: WinnerMeasurement, names: Sequence[str]
    ) -> tuple[Slice, ...]:
        y, prediction = measurement.y, measurement.predictions[measurement.winner]
        if not self.paired:
            parts = parts_by(measurement, names)
            return sliced(metric, y, prediction, parts, measurement.resamples, self.rule)
        both = _both(measurement)
        assert both.champion_prediction is not None
        assert both.champion_rows is not None
        rows = both.champion_rows
        return sliced(
            metric,
            y[rows],
            prediction[rows],
            parts_by(both, names, rows),
            both.champion_resamples,
            self.rule,
            other=both.champion_prediction[rows],
        )

    def _values(self, metric: Metric, measurement: WinnerMeasurement) -> list[float]:
        """The metric on all rows compared: a slice with no value may be small, its rows not bad."""
        y, prediction = measurement.y, measurement.predictions[measurement.winner]
        if not self.paired:
            return [metric.value(y, prediction)]
        both = _both(measurement)
        other, rows = both.champion_prediction, both.champion_rows
        if other is None or rows is None:
            return [metric.value(y, prediction)]
        return [metric.value(y[rows], prediction[rows]), metric.value(y[rows], other[rows])]


def _both(measurement: WinnerMeasurement) -> ModelMeasurement:
    """The measurement with its champion; without one the question cannot be asked."""
    if not isinstance(measurement, ModelMeasurement):
        raise TypeError("slices are to be held to the champion's, and none was measured")
    return measurement
