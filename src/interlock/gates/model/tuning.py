"""Are the test rows suspiciously easier for the winner than the tune rows were?

A test score far better than the validation score is what a leak looks like: test rows that were
trained on, or a column that knows the truth there. But months differ, and a test may be easy by
chance: from one month of flights to the next a model's log loss moved by a factor of 0.65 to 1.31.
That moves a baseline just as much. So what is compared is the winner's error relative to the
strongest baseline's, on test rows and on tune rows. Over eighteen honest splits of six years of
houses and of one of flights that factor lay between 0.90 and 1.13; the winner was chosen by its
tune score, which is a little kind to it there.

The check shuts the gate only where the factor is shown to be below its limit; where the rows cannot
tell, its answer is advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.compare import Estimate, interval_of
from interlock.evaluate.judge import Limit
from interlock.evaluate.metric import Metric
from interlock.evaluate.metrics import metric_named
from interlock.evaluate.predicted import Prediction
from interlock.evaluate.slices import metric_values
from interlock.gates.finding import finite, sampled, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.model.measurement import WinnerMeasurement
from interlock.stats.resamples import Resamples
from interlock.verdict import Check, Verdict

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TuneAgrees(Declared):
    """The winner's error relative to the baseline's falls from tune to test rows by no more.

    ``at_least`` is the smallest factor allowed. Errors are mean absolute errors, or log losses of
    classes: both are above 0, and rest on every row.
    """

    at_least: float = 0.75

    def validate(self) -> None:
        """Raises AuthorError M203 for a limit that cannot be used."""
        finite(self.at_least, "M203", "TuneAgrees(at_least=…)", low=1e-3, high=0.999)

    def judge(self, measurement: WinnerMeasurement) -> tuple[Check, ...]:
        """One answer; advice, unless the test is shown to be too easy or was not measured."""
        name = "test no easier than tune"
        tune = measurement.tune
        if tune is None or not len(tune.y):
            return (
                Check(
                    name=name,
                    verdict=Verdict.INCONCLUSIVE,
                    reason="there are no tune rows to compare the test rows with",
                    evidence={"code": "M225"},
                    advisory=True,
                ),
            )
        flaw = measurement.flaw or _flaw(measurement, tune.predictions)
        if flaw:
            return (unmeasured(name, "M225", flaw),)
        metric = _metric(measurement)
        baseline = _strongest(metric, tune.y, tune.predictions, measurement)
        found = _factor(metric, measurement, baseline)
        evidence = {
            "candidate": measurement.winner,
            "metric": metric.name,
            "reference": baseline,
            "tune_rows": len(tune.y),
        }
        limit = Limit(at_least=self.at_least)
        check = sampled(name, "M225", found, limit, unit="1", evidence=evidence)
        shuts = check.verdict is Verdict.ERROR or (
            check.verdict is Verdict.FAILED and baseline is not None
        )
        return (replace(check, advisory=not shuts),)


def _flaw(measurement: WinnerMeasurement, tune: Mapping[str, Prediction]) -> str:
    if measurement.winner not in tune:
        return f"{measurement.winner} was not scored on the tune rows"
    return ""


def _metric(measurement: WinnerMeasurement) -> Metric:
    classes = np.asarray(measurement.predictions[measurement.winner]).ndim == 2
    return metric_named("log_loss" if classes else "mae")


def _strongest(
    metric: Metric, y: Floats, tune: Mapping[str, Prediction], measurement: WinnerMeasurement
) -> str | None:
    """The baseline with the least error on the tune rows, of those scored on both, if any."""
    scored = {
        name: metric.value(y, tune[name])
        for name in measurement.baselines
        if name in tune and name in measurement.predictions
    }
    return min(scored, key=lambda name: scored[name]) if scored else None


def _factor(metric: Metric, measurement: WinnerMeasurement, baseline: str | None) -> Estimate:
    """How many times as large the winner's relative error is on test as on tune rows."""
    tune = measurement.tune
    assert tune is not None
    drawn = Resamples.of(len(tune.y), seed=measurement.seed, clusters=tune.clusters)
    test = _relative(
        metric, measurement.y, measurement.predictions, measurement.resamples, measurement, baseline
    )
    other = _relative(metric, tune.y, tune.predictions, drawn, measurement, baseline)
    with np.errstate(all="ignore"):
        factors = test / other
    value = float(factors[0])
    defined = np.isfinite(value) and value > 0
    return Estimate(
        value=value if defined else float("nan"),
        interval=interval_of(factors[1:]) if defined else None,
        n=min(len(tune.y), len(measurement.y)),
        units=min(drawn.independent, measurement.resamples.independent),
    )


def _relative(
    metric: Metric,
    y: Floats,
    predictions: Mapping[str, Prediction],
    drawn: Resamples,
    measurement: WinnerMeasurement,
    baseline: str | None,
) -> Floats:
    """The winner's error over the baseline's, or alone, (1 + n_resamples,)."""
    whole = [np.ones(len(y), dtype=bool)]
    own = metric_values(metric, y, predictions[measurement.winner], whole, drawn)[:, 0]
    if baseline is None:
        return own
    with np.errstate(all="ignore"):
        return own / metric_values(metric, y, predictions[baseline], whole, drawn)[:, 0]
