"""The winner against the baselines, each of which it must beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interlock.evaluate.metrics import format_value
from interlock.gates.finding import sampled, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.model.measurement import WinnerMeasurement
from interlock.gates.model.pair import failed, improvement, pair
from interlock.verdict import Check, Exemption, Verdict


@dataclass(frozen=True)
class BeatsBaselines(Declared):
    """The winner is better than every baseline: each interval of the difference excludes 0.

    All must be beaten, so the level needs no correction for their number (Berger 1982,
    intersection–union tests). A baseline that scores best fails the gate.
    """

    def judge(self, measurement: WinnerMeasurement) -> tuple[Check, ...]:
        """One answer a baseline; without any baseline, an error."""
        if not measurement.baselines:
            return (unmeasured("beats baselines", "M209", "no baseline was scored"),)
        if measurement.winner in measurement.baselines:
            reason = (
                f"the baseline {measurement.winner} scored best; a baseline never becomes champion"
            )
            said = {"candidate": measurement.winner, "baseline_on_top": True}
            return (failed("beats baselines", "M205", reason, said),)
        return tuple(_beats(measurement, name) for name in measurement.baselines)


@dataclass(frozen=True)
class NoBaselineOnTop(Declared):
    """No baseline scores better than the winner, by however little: it would be the best model.

    Asked of every product that does not ask for more with :class:`BeatsBaselines`.
    """

    def judge(self, measurement: WinnerMeasurement) -> tuple[Check, ...]:
        """One answer for all baselines, or one a baseline on top."""
        name = "no baseline on top"
        if not measurement.baselines:
            none = Exemption.NO_BASELINE
            return (
                Check(name=name, verdict=Verdict.NOT_APPLICABLE, exemption=none, reason=none.value),
            )
        answers = BeatsBaselines().judge(measurement)
        wrong = [a for a in answers if a.evidence.get("baseline_on_top")]
        wrong += [a for a in answers if a.verdict is Verdict.ERROR]
        if wrong:
            return tuple(wrong)
        return (
            Check(
                name=name,
                verdict=Verdict.PASSED,
                n=len(measurement.y),
                evidence={"baselines": list(measurement.baselines)},
            ),
        )


def _beats(measurement: WinnerMeasurement, baseline: str) -> Check:
    name = f"beats baseline {baseline}"
    metric = measurement.named(measurement.metric)
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
    evidence = pair(measurement, winner, baseline, other)
    if metric.is_better(other, winner):
        reason = (
            f"the baseline {baseline} scores best: {metric.name} {format_value(other, unit)}, "
            f"{measurement.winner} {format_value(winner, unit)}; a baseline never becomes champion"
        )
        return failed(name, "M205", reason, {**evidence, "baseline_on_top": True})
    found = measurement.against(metric, baseline)
    return sampled(name, "M205", found, improvement(metric), unit=unit, evidence=evidence)
