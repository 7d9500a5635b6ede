"""What the model gate judges: who predicted what for the same held-out rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.compare import Estimate, difference, estimate
from interlock.evaluate.coverage import ServedIntervals
from interlock.evaluate.metrics import Metric, metric_named
from interlock.evaluate.parts import Column
from interlock.evaluate.predicted import Prediction
from interlock.gates.model.tried import Expected, Tried
from interlock.stats.resamples import Resamples

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class TuneRows:
    """The tune rows' truth ``y`` (n_rows,), and what was predicted for them, by whom."""

    y: Floats
    predictions: Mapping[str, Prediction]
    clusters: NDArray[Any] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelMeasurement:
    """What was predicted for the test rows, and by whom.

    ``y`` is (n_rows,); every prediction (n_rows,) or (n_rows, n_classes), in the same row order:
    an array, or what knows the answered classes and the rows too (see ``evaluate.predicted``).
    ``metrics`` are the product's own by name, its own units among them.
    ``champion`` is the label of the release that answers now, None where there is none yet;
    ``champion_prediction`` is None where it could not be scored, and ``champion_reason`` says why,
    ``champion_unfit`` that what is declared has moved on from it (without it, it is an error);
    ``champion_rows`` (n_rows,) marks rows after its last training row that it answered and covers,
    and what its prediction holds elsewhere does not matter; ``champion_left_out`` counts, by why,
    the rows after its last training row that it did not. ``clusters`` (n_rows,) are unit ids where
    rows of one unit depend on each other. ``is_champion``: the winner is the champion's own model,
    trained again.
    ``behaviour`` and ``expected`` are the winner's answers to changed requests and to examples, by
    the key of the check that asks for them.
    ``columns`` are what checks cut the rows by, by name, each (n_rows,); ``automatic`` names those
    that are cut by where a check does not say. ``low`` and ``high`` (n_rows,) are the ends of the
    intervals that the winner answered, None where it gives none, and ``promised`` their level.
    ``tune`` are the rows that ranked the candidates, None where there are none.
    """

    metric: str
    y: Floats
    predictions: Mapping[str, Prediction]
    winner: str
    baselines: tuple[str, ...]
    seed: int
    champion: str | None
    champion_prediction: Prediction | None
    champion_rows: NDArray[np.bool_] | None
    champion_reason: str = ""
    champion_unfit: bool = False
    champion_left_out: Mapping[str, int] = field(default_factory=dict)
    is_champion: bool = False
    clusters: NDArray[Any] | None = None
    columns: Mapping[str, Column] = field(default_factory=dict)
    automatic: tuple[str, ...] = ()
    low: Floats | None = None
    high: Floats | None = None
    promised: float | None = None
    tune: TuneRows | None = None
    target_unit: str = ""
    behaviour: Mapping[str, Tried] = field(default_factory=dict)
    expected: Mapping[str, Expected] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)

    def named(self, name: str) -> Metric:
        """The metric of that name, as the product means it. Raises AuthorError M201."""
        return self.metrics.get(name) or metric_named(name)

    @cached_property
    def resamples(self) -> Resamples:
        """Drawn once for every comparison on all test rows."""
        return Resamples.of(len(self.y), seed=self.seed, clusters=self.clusters)

    @property
    def intervals(self) -> ServedIntervals | None:
        """What the winner answered beside its predictions, if it did."""
        if self.low is None or self.high is None:
            return None
        return ServedIntervals(y=self.y, low=self.low, high=self.high)

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
