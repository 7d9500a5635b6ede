"""Training tests: does every candidate train at all, before all rows are spent on it?

In the manner of pre-train and post-train tests of models (Jordan 2020, "Effective testing for
machine learning systems"; Breck et al. 2017, "The ML Test Score"): a broken change fails within
seconds, by the name of the candidate that it broke.

>>> ridge = Trial(name="ridge", rows=500, value=9.0, constant=20.0, lower_is_better=True)
>>> Trains().judge(TrainingMeasurement(metric="mae", trials=(ridge,)))[0].verdict
<Verdict.PASSED: 'passed'>
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from interlock.evaluate.judge import Limit
from interlock.evaluate.metrics import format_value
from interlock.gates.finding import unmeasured
from interlock.gates.gate import Declared, Judge
from interlock.verdict import Check, Verdict


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One candidate, fitted twice on a few training rows and exported twice.

    ``problem`` is why it could not be, with the code of its page; else ``not_finite`` counts its
    predictions that are no numbers, ``repeated`` says whether both exports have the same bytes.
    ``value`` is the metric of the exported model on the rows it has learned from, ``constant`` that
    of the best constant answer; a baseline need not be better, and has no ``constant``.
    """

    name: str
    rows: int
    problem: str = ""
    code: str = "T141"
    not_finite: int = 0
    repeated: bool = True
    metric: str = ""
    unit: str = ""
    value: float = math.nan
    constant: float | None = None
    lower_is_better: bool = True


@dataclass(frozen=True, kw_only=True)
class TrainingMeasurement:
    """The trials of all candidates and baselines, and the metric that ranks them."""

    metric: str
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Trains(Declared):
    """Every candidate fits, predicts finite numbers, learns, repeats itself and exports exactly."""

    def judge(self, measurement: TrainingMeasurement) -> tuple[Check, ...]:
        """One answer a candidate; without any candidate, an error."""
        if not measurement.trials:
            return (unmeasured("training tests", "T140", "no candidate was tried"),)
        return tuple(_check(trial) for trial in measurement.trials)


TRAINING_TESTS: tuple[Judge[TrainingMeasurement], ...] = (Trains(),)
"""What every product is asked; there is nothing to declare."""


def _check(trial: Trial) -> Check:
    name = f"{trial.name} trains"
    if not trial.rows > 0:
        return unmeasured(name, "T140", "there were no rows to try it on")
    flaws = list(_flaws(trial))
    judged = trial.constant is not None and not trial.problem
    limit = _limit(trial) if judged else None
    return Check(
        name=name,
        verdict=Verdict.FAILED if flaws else Verdict.PASSED,
        measured=trial.value if judged else None,
        comparison=limit.glyph if limit else "",
        threshold=limit.value if limit else None,
        n=trial.rows,
        unit=trial.unit,
        reason="; ".join(reason for _, reason in flaws),
        evidence={**({"code": flaws[0][0]} if flaws else {}), **_shown(trial)},
    )


def _flaws(trial: Trial) -> Iterator[tuple[str, str]]:
    """(code, reason) of everything that is wrong."""
    if trial.problem:
        yield trial.code, trial.problem
        return
    if trial.not_finite != 0:
        yield (
            "T142",
            f"{trial.not_finite:,} of {trial.rows:,} predictions are no finite numbers",
        )
    if trial.repeated is not True:
        yield "T143", "fitted again on the same rows with the same seed it is another model"
    if trial.constant is not None and trial.not_finite == 0 and not _improves(trial):
        own = format_value(trial.value, trial.unit)
        yield (
            "T144",
            f"on the rows it has learned from its {trial.metric} is {own}, that of a constant "
            f"{format_value(trial.constant, trial.unit)}",
        )


def _improves(trial: Trial) -> bool:
    return math.isfinite(trial.value) and _limit(trial).holds(trial.value)


def _limit(trial: Trial) -> Limit:
    """What a constant answer reaches; Raises ValueError where that is no number."""
    assert trial.constant is not None
    if trial.lower_is_better:
        return Limit(at_most=trial.constant, strict=True)
    return Limit(at_least=trial.constant, strict=True)


def _shown(trial: Trial) -> dict[str, Any]:
    return {"candidate": trial.name, "metric": trial.metric, "repeated": trial.repeated}
