"""Absolute limits: is the winner good enough, whatever else there is?

>>> Below("mdape", 0.15).to_row()
{'check': 'Below', 'metric': 'mdape', 'limit': 0.15}
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from interlock.errors import AuthorError
from interlock.evaluate.custom import DeclaredMetric, metric_name
from interlock.evaluate.judge import Limit
from interlock.evaluate.metric import Metric
from interlock.gates.finding import finite, limit_text, sampled, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.model.measurement import WinnerMeasurement
from interlock.verdict import Check


@dataclass(frozen=True)
class OfMetric(Declared, ABC):
    """A check of one metric, which is declared by its name or by the function itself."""

    metric: DeclaredMetric

    def __post_init__(self) -> None:
        object.__setattr__(self, "metric", metric_name(self.metric))

    @property
    def metric_name(self) -> str:
        """The metric's name."""
        return str(self.metric)

    @property
    @abstractmethod
    def within(self) -> Limit:
        """Where the metric must lie."""

    @abstractmethod
    def fits(self, metric: Metric) -> None:
        """Raises AuthorError M203 for a limit that this metric cannot have."""


@dataclass(frozen=True)
class Below(OfMetric):
    """The winner's ``metric`` is at most ``limit``, with the whole of its 95 % interval."""

    limit: float

    def validate(self) -> None:
        """Raises AuthorError for a limit that is no finite number."""
        finite(self.limit, "M203", f"Below({self.metric_name!r}, …)", low=-float("inf"))

    def fits(self, metric: Metric) -> None:
        """Raises AuthorError M203 for the wrong side, or a limit that no value can be below."""
        _on_side(self, metric, "lower")
        finite(self.limit, "M203", f"Below({self.metric_name!r}, …)", low=metric.lowest)

    def judge(self, measurement: WinnerMeasurement) -> tuple[Check, ...]:
        """Judges the winner on all test rows."""
        return (_absolute(self, measurement, "below"),)

    @property
    def within(self) -> Limit:
        """At most the limit."""
        return Limit(at_most=self.limit)


@dataclass(frozen=True)
class Above(OfMetric):
    """The winner's ``metric`` is at least ``limit``, with the whole of its 95 % interval."""

    limit: float

    def validate(self) -> None:
        """Raises AuthorError for a limit that is no finite number."""
        finite(self.limit, "M203", f"Above({self.metric_name!r}, …)", low=-float("inf"))

    def fits(self, metric: Metric) -> None:
        """Raises AuthorError M203 for the wrong side, or a limit that every value is above."""
        _on_side(self, metric, "higher")
        finite(self.limit, "M203", f"Above({self.metric_name!r}, …)", low=metric.lowest)

    def judge(self, measurement: WinnerMeasurement) -> tuple[Check, ...]:
        """Judges the winner on all test rows."""
        return (_absolute(self, measurement, "above"),)

    @property
    def within(self) -> Limit:
        """At least the limit."""
        return Limit(at_least=self.limit)


@dataclass(frozen=True)
class Between(OfMetric):
    """The winner's ``metric`` lies from ``low`` to ``high``, with the whole of its 95 % interval.

    For metrics whose best value lies inside, such as a bias of 0; any other metric will do too.
    """

    low: float
    high: float

    def validate(self) -> None:
        """Raises AuthorError for limits that are no finite numbers, or the wrong way round."""
        where = f"Between({self.metric_name!r}, …)"
        low = finite(self.low, "M203", where, low=-float("inf"))
        high = finite(self.high, "M203", where, low=-float("inf"))
        if not low < high:
            raise AuthorError(
                "M203",
                f"the limits of {where} cannot be used",
                where=where,
                expected="the lower limit first, and another one after it",
                got=f"{low:g} and {high:g}",
                fix="declare limits that can be both met and missed",
            )

    def fits(self, metric: Metric) -> None:
        """Raises AuthorError M203 where the best value itself lies outside."""
        if metric.target is not None and not self.low <= metric.target <= self.high:
            raise AuthorError(
                "M203",
                f"Between({self.metric_name!r}, …) leaves the best value out",
                expected=f"limits on both sides of {metric.target:g}",
                got=f"{self.low:g} and {self.high:g}",
                fix="widen the limits",
            )

    def judge(self, measurement: WinnerMeasurement) -> tuple[Check, ...]:
        """Judges the winner on all test rows."""
        return (_absolute(self, measurement, ""),)

    @property
    def within(self) -> Limit:
        """From the one to the other."""
        return Limit(at_least=self.low, at_most=self.high)


def _on_side(check: OfMetric, metric: Metric, better: str) -> None:
    """Raises AuthorError M203 unless ``better`` is what this metric calls better."""
    if metric.better == better:
        return
    name, of = type(check).__name__, check.metric_name
    other = {"lower": "Below", "higher": "Above", "target": "Between"}[metric.better]
    raise AuthorError(
        "M203",
        f"{name}({of!r}, …) would pass bad models and fail good ones",
        expected=f"a metric where {better} is better",
        got=of,
        fix=f"write {other}({of!r}, …)",
    )


def _absolute(check: OfMetric, measurement: WinnerMeasurement, side: str) -> Check:
    metric, limit = measurement.named(check.metric_name), check.within
    check.fits(metric)
    unit = metric.unit_shown(measurement.target_unit)
    text = limit_text(limit, unit)
    name = f"{metric.name} {side} {text.partition(' ')[2]}" if side else f"{metric.name} {text}"
    if measurement.flaw:
        return unmeasured(name, "M209", measurement.flaw)
    evidence = {"candidate": measurement.winner, "metric": metric.name}
    return sampled(name, "M208", measurement.score(metric), limit, unit=unit, evidence=evidence)
