"""The winner against the champion, on rows that the champion has not learned from."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from interlock.errors import AuthorError
from interlock.evaluate.judge import Limit
from interlock.evaluate.metrics import Metric
from interlock.gates.finding import finite, percent, sampled, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.model.measurement import ModelMeasurement
from interlock.gates.model.pair import improvement, pair
from interlock.verdict import Check, Exemption, Verdict

Unfit: TypeAlias = Literal["inconclusive", "exempt"]
FEWEST_CHAMPION_ROWS = 200
"""Fewer test rows newer than the champion's training rows cannot tell the two apart."""
COMPARED_SHARE = 0.90
"""The share of the newer rows that the champion must answer and cover, for it to be compared."""


@dataclass(frozen=True)
class NoWorseThanChampion(Declared):
    """The winner is worse than the champion by less than ``margin`` (non-inferiority).

    A number is in the metric's own units (0.005 of mdape is half a point); a text such as "2%" is
    relative to the champion's value on the same rows. The default of 5 % is about what 1,000 test
    rows can tell apart; a smaller one asks for more rows, and many small steps back add up, so
    prefer :class:`BetterThanChampion` where releases are frequent.

    ``unfit`` is the answer where the champion no longer fits what is declared (a field, a class or
    a source is gone): "inconclusive", which keeps the gate shut, or "exempt", with which baselines
    and limits decide as for a first release, and the exemption is recorded.
    """

    margin: float | str = "5%"
    unfit: Unfit = "inconclusive"

    def validate(self) -> None:
        """Raises AuthorError for a limit or an answer that cannot be used."""
        check_unfit(self, self.unfit)
        if isinstance(self.margin, str):
            share = percent(self.margin)
            finite(self.margin if share is None else share, "M203", "NoWorseThanChampion", low=0)
        else:
            finite(self.margin, "M203", "NoWorseThanChampion", low=0)

    def judge(self, measurement: ModelMeasurement) -> tuple[Check, ...]:
        """Judges the paired difference on the rows the champion has not learned from."""
        return (_against_champion(measurement, "no worse than champion", self.unfit, self._limit),)

    def _limit(self, metric: Metric, champion: float) -> Limit:
        relative = percent(self.margin) if isinstance(self.margin, str) else None
        margin = float(self.margin) if relative is None else relative * abs(champion)
        return Limit(at_most=margin) if metric.better == "lower" else Limit(at_least=-margin)


@dataclass(frozen=True)
class BetterThanChampion(Declared):
    """The winner is better than the champion: the interval of the difference excludes 0.

    ``unfit`` as in :class:`NoWorseThanChampion`.
    """

    unfit: Unfit = "inconclusive"

    def validate(self) -> None:
        """Raises AuthorError for an answer that cannot be used."""
        check_unfit(self, self.unfit)

    def judge(self, measurement: ModelMeasurement) -> tuple[Check, ...]:
        """Judges the paired difference on the rows the champion has not learned from."""
        return (
            _against_champion(
                measurement,
                "better than champion",
                self.unfit,
                lambda metric, _: improvement(metric),
            ),
        )


def check_unfit(check: Declared, unfit: object) -> None:
    """Raises AuthorError M203 for an answer that none of :data:`Unfit` is."""
    if unfit not in get_args(Unfit):
        raise AuthorError(
            "M203",
            f"{type(check).__name__} cannot answer like this where the champion does not fit",
            expected="unfit=" + " or ".join(map(repr, get_args(Unfit))),
            got=repr(unfit)[:100],
            fix="leave it out to keep the gate shut, or say 'exempt'",
        )


def _against_champion(
    measurement: ModelMeasurement,
    name: str,
    unfit: Unfit,
    limit_of: Callable[[Metric, float], Limit],
) -> Check:
    shut = without_champion(measurement, name, unfit)
    if shut is not None:
        return shut
    assert measurement.champion_prediction is not None
    rows = np.asarray(measurement.champion_rows)
    metric = measurement.named(measurement.metric)
    y = measurement.y[rows]
    challenger = measurement.predictions[measurement.winner][rows]
    champion = measurement.champion_prediction[rows]
    found = measurement.against_champion(metric)
    values = metric.value(y, challenger), metric.value(y, champion)
    if not np.isfinite(values).all():
        return unmeasured(name, "M209", f"{metric.name} is undefined on the rows compared")
    evidence = pair(measurement, values[0], str(measurement.champion), values[1])
    evidence |= left_out(measurement)
    unit = metric.unit_shown(measurement.target_unit)
    limit = limit_of(metric, values[1])
    return sampled(name, "M206", found, limit, unit=unit, evidence=evidence)


def without_champion(
    measurement: ModelMeasurement, name: str, unfit: Unfit = "inconclusive"
) -> Check | None:
    """The answer of the check ``name`` where the two cannot be compared; None where they can."""
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
    if measurement.champion_prediction is None and measurement.champion_unfit:
        return _misfit(measurement, name, unfit)
    if measurement.champion is None or measurement.champion_prediction is None:
        why = measurement.champion_reason or "no reason was given"
        return unmeasured(name, "M207", f"the champion could not be scored: {why}")
    rows = measurement.champion_rows
    if rows is None or np.asarray(rows).dtype != bool or len(rows) != len(measurement.y):
        reason = "it is not known which test rows the champion has not learned from"
        return unmeasured(name, "M207", reason)
    n = int(np.sum(rows))
    if n < FEWEST_CHAMPION_ROWS:
        return _too_few(measurement, name, n)
    return _too_many_left_out(measurement, name, n)


def left_out(measurement: ModelMeasurement) -> dict[str, Any]:
    """The rows that are no part of the comparison, by why, as evidence; nothing where all are."""
    away = dict(measurement.champion_left_out)
    return {"not_compared": away} if away else {}


def _too_many_left_out(measurement: ModelMeasurement, name: str, n: int) -> Check | None:
    """The answer where the rows compared are too few of those that could be; else None."""
    away = measurement.champion_left_out
    if not all(count >= 0 and math.isfinite(count) for count in away.values()):
        return unmeasured(name, "M211", "the rows left out of the comparison were not counted")
    newer = n + sum(away.values())
    if n >= COMPARED_SHARE * newer:
        return None
    told = ", ".join(f"{count:,} {why}" for why, count in away.items())
    reason = (
        f"the champion can be compared on {n:,} of {newer:,} newer test rows: {told}; "
        f"{COMPARED_SHARE:.0%} are needed"
    ).replace("%", " %")
    return Check(
        name=name,
        verdict=Verdict.INCONCLUSIVE,
        n=n,
        reason=reason,
        evidence={"code": "M211", **left_out(measurement)},
    )


def _too_few(measurement: ModelMeasurement, name: str, n: int) -> Check:
    return Check(
        name=name,
        verdict=Verdict.INCONCLUSIVE,
        n=n,
        reason=f"the champion: {measurement.champion_reason}"
        if measurement.champion_reason
        else f"{n:,} test rows are newer than the champion's last training row and answered by it; "
        f"at least {FEWEST_CHAMPION_ROWS} are needed",
        evidence={"code": "M207", "rows_needed": FEWEST_CHAMPION_ROWS, **left_out(measurement)},
    )


def _misfit(measurement: ModelMeasurement, name: str, unfit: Unfit) -> Check:
    """The champion cannot be asked today's rows: nobody knows whether it is worse."""
    reason = f"the champion no longer fits: {measurement.champion_reason or 'no reason was given'}"
    evidence = {"code": "M210", "champion": measurement.champion}
    if unfit == "exempt":
        return Check(
            name=name,
            verdict=Verdict.NOT_APPLICABLE,
            exemption=Exemption.UNFIT_CHAMPION,
            reason=reason,
            evidence=evidence,
        )
    return Check(name=name, verdict=Verdict.INCONCLUSIVE, reason=reason, evidence=evidence)
