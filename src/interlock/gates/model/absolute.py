"""Absolute limits: is the winner good enough, whatever else there is?

>>> Below("mdape", 0.15).to_row()
{'check': 'Below', 'metric': 'mdape', 'limit': 0.15}
"""

from __future__ import annotations

from dataclasses import dataclass

from interlock.errors import AuthorError
from interlock.evaluate.judge import Limit
from interlock.evaluate.metrics import format_value, metric_named
from interlock.gates.finding import finite, sampled, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.model.measurement import ModelMeasurement
from interlock.verdict import Check


@dataclass(frozen=True)
class Below(Declared):
    """The winner's ``metric`` is at most ``limit``, with the whole of its 95 % interval."""

    metric: str
    limit: float

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        _checked_limit(self.metric, self.limit, "lower", self)

    def judge(self, measurement: ModelMeasurement) -> tuple[Check, ...]:
        """Judges the winner on all test rows."""
        return (_absolute(measurement, self.metric, Limit(at_most=self.limit), "below"),)


@dataclass(frozen=True)
class Above(Declared):
    """The winner's ``metric`` is at least ``limit``, with the whole of its 95 % interval."""

    metric: str
    limit: float

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        _checked_limit(self.metric, self.limit, "higher", self)

    def judge(self, measurement: ModelMeasurement) -> tuple[Check, ...]:
        """Judges the winner on all test rows."""
        return (_absolute(measurement, self.metric, Limit(at_least=self.limit), "above"),)


def _checked_limit(metric: str, limit: float, better: str, check: Declared) -> None:
    """Raises AuthorError for an unknown metric, a limit that is none, or the wrong side."""
    name = type(check).__name__
    low = -float("inf") if metric == "r2" else 0.0
    if metric_named(metric).better != better:
        other = "Above" if better == "lower" else "Below"
        raise AuthorError(
            "M203",
            f"{name}({metric!r}, …) would pass bad models and fail good ones",
            expected=f"a metric where {better} is better",
            got=metric,
            fix=f"write {other}({metric!r}, …)",
        )
    finite(limit, "M203", f"{name}({metric!r}, …)", low=low)


def _absolute(measurement: ModelMeasurement, metric_name: str, limit: Limit, side: str) -> Check:
    metric = metric_named(metric_name)
    unit = metric.unit_shown(measurement.target_unit)
    name = f"{metric_name} {side} {format_value(limit.value, unit)}"
    if measurement.flaw:
        return unmeasured(name, "M209", measurement.flaw)
    evidence = {"candidate": measurement.winner, "metric": metric_name}
    return sampled(name, "M208", measurement.score(metric), limit, unit=unit, evidence=evidence)
