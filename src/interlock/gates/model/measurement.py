"""What the model gate judges: who predicted what for the same held-out rows.

Of the winner all is measured without looking at what is live (:class:`WinnerMeasurement`), so that
it still holds when something else is. A check that compares it with the champion is given that too
(:class:`ModelMeasurement`); any other finds no champion there to ask about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.compare import Estimate, Resampled, resampled
from interlock.evaluate.coverage import ServedIntervals
from interlock.evaluate.metrics import Metric, metric_named
from interlock.evaluate.parts import Column
from interlock.evaluate.predicted import Prediction
from interlock.gates.model.tried import Expected, Tried
from interlock.stats.resamples import Resamples

Floats = NDArray[np.float64]
CHAMPION = " champion"
"""Stands for the champion among models; no candidate's name begins with a space."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TuneRows:
    """The tune rows' truth ``y`` (n_rows,), and what was predicted for them, by whom."""

    y: Floats
    predictions: Mapping[str, Prediction]
    clusters: NDArray[Any] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class WinnerMeasurement:
    """What the candidates predicted for the test rows, and what surrounds it.

    ``y`` is (n_rows,); every prediction (n_rows,) or (n_rows, n_classes), in the same row order:
    an array, or what knows the answered classes and the rows too (see ``evaluate.predicted``).
    ``metrics`` are the product's own by name, its own units among them. ``clusters`` (n_rows,) are
    unit ids where rows of one unit depend on each other.
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

    @cached_property
    def _found(self) -> dict[tuple[str, Metric], Resampled]:
        """What was resampled so far, of all test rows; whoever asks again gets the same."""
        return {}

    def resampled(self, metrics: Sequence[Metric], names: Iterable[str]) -> list[list[Resampled]]:
        """Of each model its metrics on all test rows; together they cost less than one by one."""
        models = {name: self.predictions[name] for name in names}
        return _asked(self._found, metrics, self.y, models, self.resamples)

    def score(self, metric: Metric) -> Estimate:
        """The winner's metric on all test rows."""
        (winner,) = self.resampled([metric], [self.winner])
        return winner[0].estimate

    def against(self, metric: Metric, name: str) -> Estimate:
        """The winner's metric minus that of another model on all test rows."""
        winner, other = self.resampled([metric], [self.winner, name])
        return winner[0].minus(other[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelMeasurement(WinnerMeasurement):
    """The same, with the champion beside it.

    ``champion`` is the label of the release that answers now, None where there is none yet;
    ``champion_prediction`` is None where it could not be scored, and ``champion_reason`` says why,
    ``champion_unfit`` that what is declared has moved on from it (without it, it is an error);
    ``champion_rows`` (n_rows,) marks rows after its last training row that it answered and covers,
    and what its prediction holds elsewhere does not matter; ``champion_left_out`` counts, by why,
    the rows after its last training row that it did not. ``is_champion``: the winner is the
    champion's own model, trained again.
    """

    champion: str | None
    champion_prediction: Prediction | None
    champion_rows: NDArray[np.bool_] | None
    champion_reason: str = ""
    champion_unfit: bool = False
    champion_left_out: Mapping[str, int] = field(default_factory=dict)
    is_champion: bool = False

    @classmethod
    def beside(cls, measured: WinnerMeasurement, **champion: Any) -> ModelMeasurement:
        """What was measured, with the fields of the champion; what was resampled of it counts."""
        known = {one.name: getattr(measured, one.name) for one in fields(measured)}
        found = cls(**known, **champion)
        vars(found).update({n: v for n, v in vars(measured).items() if n not in known})
        return found

    @cached_property
    def champion_resamples(self) -> Resamples:
        """The same draws, seen from the rows on which the champion is compared."""
        rows = self.champion_rows
        return self.resamples if rows is None or rows.all() else self.resamples.within(rows)

    @cached_property
    def _found_beside_champion(self) -> dict[tuple[str, Metric], Resampled]:
        """What was resampled so far, of the rows on which the champion is compared."""
        rows = self.champion_rows
        return self._found if rows is not None and rows.all() else {}

    def beside_champion(
        self, metrics: Sequence[Metric], names: Iterable[str] = ()
    ) -> list[list[Resampled]]:
        """The champion's metrics, then those of other models, on the rows that it answered."""
        assert self.champion_prediction is not None
        assert self.champion_rows is not None
        rows = self.champion_rows
        models = {CHAMPION: self.champion_prediction[rows]}
        models |= {name: self.predictions[name][rows] for name in names}
        return _asked(
            self._found_beside_champion, metrics, self.y[rows], models, self.champion_resamples
        )

    def against_champion(self, metric: Metric) -> Estimate:
        """The winner's metric minus the champion's on the rows that the champion answered."""
        champion, winner = self.beside_champion([metric], [self.winner])
        return winner[0].minus(champion[0])


def _asked(
    found: dict[tuple[str, Metric], Resampled],
    metrics: Sequence[Metric],
    y: Floats,
    models: Mapping[str, Prediction],
    drawn: Resamples,
) -> list[list[Resampled]]:
    """What is not known yet is resampled, all of it together, and kept."""
    lacking = [m for m in metrics if any((name, m) not in found for name in models)]
    names = [name for name in models if any((name, m) not in found for m in lacking)]
    if lacking:
        found |= resampled(lacking, y, {name: models[name] for name in names}, drawn)
    return [[found[name, metric] for metric in metrics] for name in models]
