"""The model gate: is the winner good, better than the yardsticks, and no step back?

All models are scored on the same held-out rows. The champion is compared on those of them that came
after its own last training row. A baseline never becomes champion.

>>> Below("mdape", 0.15).to_row()
{'check': 'Below', 'metric': 'mdape', 'limit': 0.15}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.errors import AuthorError
from interlock.evaluate.compare import Estimate, difference, estimate
from interlock.evaluate.judge import Limit
from interlock.evaluate.metrics import Metric, format_value, metric_named
from interlock.gates.finding import finite, percent, sampled, unmeasured
from interlock.gates.gate import Declared, Judge
from interlock.stats.resamples import Resamples
from interlock.verdict import Check, Exemption, Verdict

Floats = NDArray[np.float64]
FEWEST_CHAMPION_ROWS = 200
"""Fewer test rows newer than the champion's training rows cannot tell the two apart."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelMeasurement:
    """What was predicted for the test rows, and by whom.

    ``y`` is (n_rows,); every prediction (n_rows,) or (n_rows, n_classes), in the same row order.
    ``champion`` is the label of the release that answers now, None where there is none yet;
    ``champion_prediction`` is None where it could not be scored, and ``champion_reason`` says why;
    ``champion_rows`` (n_rows,) marks rows after its last training row, and what its prediction
    holds elsewhere does not matter. ``clusters`` (n_rows,) are unit ids where rows of one unit
    depend on each other. ``is_champion``: the winner is the champion's own model, trained again.
    """

    metric: str
    y: Floats
    predictions: Mapping[str, Floats]
    winner: str
    baselines: tuple[str, ...]
    seed: int
    champion: str | None
    champion_prediction: Floats | None
    champion_rows: NDArray[np.bool_] | None
    champion_reason: str = ""
    is_champion: bool = False
    clusters: NDArray[Any] | None = None
    slice_columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    target_unit: str = ""

    @cached_property
    def resamples(self) -> Resamples:
        """Drawn once for every comparison on all test rows."""
        return Resamples.of(len(self.y), seed=self.seed, clusters=self.clusters)

    @property
    def flaw(self) -> str:
        """Why these rows can prove nothing, or ""."""
        if len(self.y) == 0:
            return "there are no test rows"
        if self.winner not in self.predictions:
            return f"{self.winner} was not scored on the test rows"
        if bool(np.all(self.y == self.y[0])):
            return "the truth is the same on every test row: any model could be right by chance"
        answers = np.asarray(self.predictions[self.winner])
        if bool(np.all(answers == answers[:1])):
            return f"{self.winner} predicts the same for every test row"
        return ""

    def score(self, metric: Metric) -> Estimate:
        """The winner's metric on all test rows."""
        prediction = self.predictions[self.winner]
        return estimate(metric, self.y, prediction, seed=self.seed, resamples=self.resamples)

    def against(self, metric: Metric, name: str) -> Estimate:
        """The winner's metric minus that of another model on all test rows."""
        return difference(
            metric,
            self.y,
            self.predictions[self.winner],
            self.predictions[name],
            seed=self.seed,
            resamples=self.resamples,
        )


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


@dataclass(frozen=True)
class BeatsBaselines(Declared):
    """The winner is better than every baseline: each interval of the difference excludes 0.

    All must be beaten, so the level needs no correction for their number (Berger 1982,
    intersection–union tests). A baseline that scores best fails the gate.
    """

    def judge(self, measurement: ModelMeasurement) -> tuple[Check, ...]:
        """One answer a baseline; without any baseline, an error."""
        if not measurement.baselines:
            return (unmeasured("beats baselines", "M209", "no baseline was scored"),)
        if measurement.winner in measurement.baselines:
            reason = (
                f"the baseline {measurement.winner} scored best; a baseline never becomes champion"
            )
            return (_failed("beats baselines", "M205", reason),)
        return tuple(_beats(measurement, name) for name in measurement.baselines)


@dataclass(frozen=True)
class NoWorseThanChampion(Declared):
    """The winner is worse than the champion by less than ``margin`` (non-inferiority).

    A number is in the metric's own units (0.005 of mdape is half a point); a text such as "2%" is
    relative to the champion's value on the same rows. The default of 5 % is about what 1,000 test
    rows can tell apart; a smaller one asks for more rows, and many small steps back add up, so
    prefer :class:`BetterThanChampion` where releases are frequent.
    """

    margin: float | str = "5%"

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        if isinstance(self.margin, str):
            share = percent(self.margin)
            finite(self.margin if share is None else share, "M203", "NoWorseThanChampion", low=0)
        else:
            finite(self.margin, "M203", "NoWorseThanChampion", low=0)

    def judge(self, measurement: ModelMeasurement) -> tuple[Check, ...]:
        """Judges the paired difference on the rows the champion has not learned from."""
        return (_against_champion(measurement, "no worse than champion", self._limit),)

    def _limit(self, metric: Metric, champion: float) -> Limit:
        relative = percent(self.margin) if isinstance(self.margin, str) else None
        margin = float(self.margin) if relative is None else relative * abs(champion)
        return Limit(at_most=margin) if metric.better == "lower" else Limit(at_least=-margin)


@dataclass(frozen=True)
class BetterThanChampion(Declared):
    """The winner is better than the champion: the interval of the difference excludes 0."""

    def judge(self, measurement: ModelMeasurement) -> tuple[Check, ...]:
        """Judges the paired difference on the rows the champion has not learned from."""
        return (
            _against_champion(
                measurement, "better than champion", lambda metric, _: _improvement(metric)
            ),
        )


DEFAULT_MODEL_GATE: tuple[Judge[ModelMeasurement], ...] = (BeatsBaselines(), NoWorseThanChampion())


def model_gate(declared: Sequence[Judge[ModelMeasurement]]) -> tuple[Judge[ModelMeasurement], ...]:
    """The checks a product's winner must meet: those declared, or the default ones."""
    return tuple(declared) or DEFAULT_MODEL_GATE


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


def _improvement(metric: Metric) -> Limit:
    if metric.better == "lower":
        return Limit(at_most=0.0, strict=True)
    return Limit(at_least=0.0, strict=True)


def _absolute(measurement: ModelMeasurement, metric_name: str, limit: Limit, side: str) -> Check:
    metric = metric_named(metric_name)
    unit = metric.unit_shown(measurement.target_unit)
    name = f"{metric_name} {side} {format_value(limit.value, unit)}"
    if measurement.flaw:
        return unmeasured(name, "M209", measurement.flaw)
    evidence = {"candidate": measurement.winner, "metric": metric_name}
    return sampled(name, "M208", measurement.score(metric), limit, unit=unit, evidence=evidence)


def _beats(measurement: ModelMeasurement, baseline: str) -> Check:
    name = f"beats baseline {baseline}"
    metric = metric_named(measurement.metric)
    unit = metric.unit_shown(measurement.target_unit)
    flaw = measurement.flaw
    if not flaw and baseline not in measurement.predictions:
        flaw = f"the baseline {baseline} was not scored on the test rows"
    if flaw:
        return unmeasured(name, "M209", flaw)
    winner, other = (
        metric.value(measurement.y, measurement.predictions[model])
        for model in (measurement.winner, baseline)
    )
    if not np.isfinite([winner, other]).all():
        return unmeasured(name, "M209", f"{metric.name} is undefined on the test rows")
    evidence = _pair(measurement, winner, baseline, other)
    if metric.is_better(other, winner):
        reason = (
            f"the baseline {baseline} scores best: {metric.name} {format_value(other, unit)}, "
            f"{measurement.winner} {format_value(winner, unit)}; a baseline never becomes champion"
        )
        return _failed(name, "M205", reason, evidence)
    found = measurement.against(metric, baseline)
    return sampled(name, "M205", found, _improvement(metric), unit=unit, evidence=evidence)


def _against_champion(
    measurement: ModelMeasurement, name: str, limit_of: Callable[[Metric, float], Limit]
) -> Check:
    shut = _without_champion(measurement, name)
    if shut is not None:
        return shut
    assert measurement.champion_prediction is not None
    rows = np.asarray(measurement.champion_rows)
    metric = metric_named(measurement.metric)
    y = measurement.y[rows]
    challenger = measurement.predictions[measurement.winner][rows]
    champion = measurement.champion_prediction[rows]
    drawn = measurement.resamples if rows.all() else _resamples_of(measurement, rows)
    found = difference(metric, y, challenger, champion, seed=measurement.seed, resamples=drawn)
    values = metric.value(y, challenger), metric.value(y, champion)
    if not np.isfinite(values).all():
        return unmeasured(name, "M209", f"{metric.name} is undefined on the rows compared")
    evidence = _pair(measurement, values[0], str(measurement.champion), values[1])
    unit = metric.unit_shown(measurement.target_unit)
    limit = limit_of(metric, values[1])
    return sampled(name, "M206", found, limit, unit=unit, evidence=evidence)


def _resamples_of(measurement: ModelMeasurement, rows: NDArray[np.bool_]) -> Resamples:
    ids = None if measurement.clusters is None else np.asarray(measurement.clusters)[rows]
    return Resamples.of(int(rows.sum()), seed=measurement.seed, clusters=ids)


def _without_champion(measurement: ModelMeasurement, name: str) -> Check | None:
    """The answer where the two cannot be compared; None where they can."""
    if measurement.champion is None and measurement.champion_prediction is None:
        return Check(
            name=name,
            verdict=Verdict.NOT_APPLICABLE,
            exemption=Exemption.NO_CHAMPION,
            reason=measurement.champion_reason or Exemption.NO_CHAMPION.value,
        )
    if measurement.is_champion:  # nothing is better or worse than itself
        exempt = Exemption.IS_CHAMPION
        return Check(
            name=name, verdict=Verdict.NOT_APPLICABLE, exemption=exempt, reason=exempt.value
        )
    if measurement.flaw:
        return unmeasured(name, "M209", measurement.flaw)
    if measurement.champion is None or measurement.champion_prediction is None:
        why = measurement.champion_reason or "no reason was given"
        return unmeasured(name, "M207", f"the champion could not be scored: {why}")
    rows = measurement.champion_rows
    if rows is None or np.asarray(rows).dtype != bool or len(rows) != len(measurement.y):
        reason = "it is not known which test rows the champion has not learned from"
        return unmeasured(name, "M207", reason)
    n = int(np.sum(rows))
    if n >= FEWEST_CHAMPION_ROWS:
        return None
    return Check(
        name=name,
        verdict=Verdict.INCONCLUSIVE,
        n=n,
        reason=f"{n:,} test rows are newer than the champion's last training row; "
        f"at least {FEWEST_CHAMPION_ROWS} are needed",
        evidence={"code": "M207", "rows_needed": FEWEST_CHAMPION_ROWS},
    )


def _pair(measurement: ModelMeasurement, winner: float, other: str, value: float) -> dict[str, Any]:
    return {
        "metric": measurement.metric,
        "candidate": measurement.winner,
        "candidate_value": winner,
        "reference": other,
        "reference_value": value,
    }


def _failed(name: str, code: str, reason: str, evidence: Mapping[str, Any] | None = None) -> Check:
    return Check(
        name=name,
        verdict=Verdict.FAILED,
        reason=reason,
        evidence={"code": code, **(evidence or {})},
    )
