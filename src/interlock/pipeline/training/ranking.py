"""How candidates are scored on the tune rows: by the product's metric, of what they would answer.

A classifier's answers depend on its decision, which is chosen here: after its probabilities are
calibrated, on the tune rows, before the metric is measured on the same. Ranking is thus a little
kind to every candidate alike; the test rows, which verdicts rest on, take no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.digest import seed_from
from interlock.evaluate.metric import Metric
from interlock.evaluate.predicted import Floats, Predicted, Rows
from interlock.pipeline.training.seen import clusters_of, rows_of
from interlock.product.binding import Bound
from interlock.product.target import rule_of
from interlock.product.training_set import TrainingSet
from interlock.train.answer import Answers
from interlock.train.decision_rule import Rule
from interlock.train.threshold import Chosen, choose


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """``y`` (n_rows,), ``rows`` and ``clusters`` are of the tune rows; ``rule`` is how the answered
    class is decided, None where it is the likeliest."""

    metric: Metric
    rule: Rule | None
    classes: Sequence[Any]
    y: NDArray[Any]
    rows: Rows
    clusters: NDArray[Any] | None
    seed: int

    @classmethod
    def of(
        cls, bound: Bound, examples: TrainingSet, tune: NDArray[Any], *, seed_root: str
    ) -> Ranking:
        """The ranking of a product's candidates on the rows of these numbers."""
        metric = bound.metric(bound.product.metric_name, examples.classes)
        return cls(
            metric=metric,
            rule=rule_of(bound.product.target),
            classes=examples.classes,
            y=examples.y[tune],
            rows=rows_of(examples).at(tune) if metric.identity else Rows({}),
            clusters=clusters_of(examples, tune),
            seed=seed_from(seed_root, "decision"),
        )

    def decided(self, probabilities: Floats) -> Chosen | None:
        """The decision for a candidate that says so of the tune rows; None where none is declared.

        Raises AuthorError T130 where the rows cannot say.
        """
        if self.rule is None or not len(self.y):
            return None
        return choose(
            self.rule,
            self.y,
            probabilities,
            self.classes,
            seed=self.seed,
            clusters=self.clusters,
        )

    def score(self, answers: Answers) -> float:
        """The metric of these answers to the tune rows; NaN where there is none.

        Raises AuthorError M250 where the product's own metric fails.
        """
        if not len(self.y):
            return float("nan")
        return self.metric.value(self.y, Predicted.of_answers(answers).beside(self.rows))

    def measured(self, y: NDArray[Any], prediction: Floats) -> float:
        """The metric of a search's trial on the tune rows, decided as a candidate would be."""
        if prediction.ndim == 1:
            return self.score(Answers(value=prediction))
        chosen = self.decided(prediction)
        answered = np.argmax(prediction, axis=1)
        if chosen is not None:
            answered = chosen.decision.classes(prediction)
        return self.score(Answers(value=answered, probabilities=prediction))
