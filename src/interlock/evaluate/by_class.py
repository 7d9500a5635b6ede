"""What was answered for what was true, and how well each class is found; all with intervals.

Everything but the areas under ROC curves is a function of a few sums, so that one pass over the
resamples gives every interval. These describe; gates judge the metrics.

>>> truth, said = np.array([0.0, 1.0] * 60), np.array([0, 1, 1, 1] * 30)
>>> odds = np.eye(2)[said]
>>> found = by_class(truth, Predicted(odds, said), Resamples.of(120, seed=1))
>>> found.counts
((30, 30), (0, 60))
>>> found.classes[1].recall.value, found.classes[1].precision.value.__round__(3)
(1.0, 0.667)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.classification import valid
from interlock.evaluate.compare import Estimate, interval_of
from interlock.evaluate.predicted import Floats, Predicted
from interlock.evaluate.ranking import area_under_roc
from interlock.stats.bootstrap import bootstrap, value_of
from interlock.stats.resamples import Resamples

MOST_PAIRED = 30
"""With more classes the table of pairs is counted, and its shares have no intervals."""
_ROC_RESAMPLES = 500  # a ranking of all rows for each class


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """How well one class is found: ``support`` rows are of it.

    ``brier`` is the mean squared error of its probability, ``roc_auc`` how well that ranks its rows
    before all others'. None where undefined: a precision of a class that was never answered.
    """

    support: int
    precision: Estimate | None
    recall: Estimate | None
    f1: Estimate | None
    brier: Estimate | None
    roc_auc: Estimate | None


@dataclass(frozen=True, kw_only=True)
class ByClass:
    """``counts[true][answered]`` rows; ``shares`` of the true class's rows, with intervals, empty
    where there are too many classes to show."""

    counts: tuple[tuple[int, ...], ...]
    shares: tuple[tuple[Estimate | None, ...], ...]
    classes: tuple[ClassScore, ...]


def by_class(y: Floats, predicted: Predicted, resamples: Resamples) -> ByClass | None:
    """The tables for ``y`` (n_rows,) class indices; None where probabilities are none.

    ``resamples`` are of these rows.
    """
    odds, said = predicted.values, predicted.answered
    if said is None or not len(y) or not valid(np.asarray(y, dtype=np.float64), odds):
        return None
    truth, k = np.asarray(y, dtype=np.intp), odds.shape[1]
    counts = np.bincount(truth * k + said, minlength=k * k).reshape(k, k)
    sums = _Sums.of(truth, np.asarray(said, dtype=np.intp), odds, resamples)
    areas = _areas(truth, odds, resamples)
    return ByClass(
        counts=tuple(tuple(map(int, row)) for row in counts),
        shares=sums.shares(truth, said) if k <= MOST_PAIRED else (),
        classes=tuple(
            ClassScore(
                support=int(counts[c].sum()),
                precision=sums.estimate(sums.hits[:, c], sums.said[:, c], int(counts[:, c].sum())),
                recall=sums.estimate(sums.hits[:, c], sums.true[:, c], int(counts[c].sum())),
                f1=sums.estimate(
                    2 * sums.hits[:, c], sums.said[:, c] + sums.true[:, c], len(truth)
                ),
                brier=sums.estimate(sums.errors[:, c], sums.rows, len(truth)),
                roc_auc=areas[c],
            )
            for c in range(k)
        ),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sums:
    """Sums over all rows (first), then over every resample: (1 + n_resamples, …).

    ``rows`` counts them, ``hits``, ``said`` and ``true`` those of each class, ``errors`` sums the
    squared errors of its probability.
    """

    rows: Floats
    hits: Floats
    said: Floats
    true: Floats
    errors: Floats
    resamples: Resamples

    @classmethod
    def of(
        cls, truth: NDArray[np.intp], said: NDArray[np.intp], odds: Floats, resamples: Resamples
    ) -> _Sums:
        k = odds.shape[1]
        is_true, is_said = truth[:, None] == np.arange(k), said[:, None] == np.arange(k)
        ones = np.ones((len(truth), 1))
        columns = np.hstack([ones, is_true & is_said, is_said, is_true, (odds - is_true) ** 2])
        found = _totals(columns, resamples)
        rows, hits, answers, truths, errors = np.split(found, [1, 1 + k, 1 + 2 * k, 1 + 3 * k], 1)
        return cls(
            rows=rows[:, 0],
            hits=hits,
            said=answers,
            true=truths,
            errors=errors,
            resamples=resamples,
        )

    def shares(
        self, truth: NDArray[np.intp], said: NDArray[np.intp]
    ) -> tuple[tuple[Estimate | None, ...], ...]:
        """Of each true class's rows, the share that got each answer."""
        k = self.true.shape[1]
        pairs = (truth * k + said)[:, None] == np.arange(k * k)
        found = _totals(pairs.astype(np.float64), self.resamples).reshape(-1, k, k)
        return tuple(
            tuple(
                self.estimate(found[:, i, j], self.true[:, i], int(self.true[0, i]))
                for j in range(k)
            )
            for i in range(k)
        )

    def estimate(self, part: Floats, whole: Floats, n: int) -> Estimate | None:
        """The ratio of two sums, with its interval; None where it is a share of nothing."""
        with np.errstate(all="ignore"):
            ratio = part / whole
        if not math.isfinite(ratio[0]):
            return None
        return Estimate(
            value=float(ratio[0]),
            interval=interval_of(ratio[1:]),
            n=n,
            units=self.resamples.independent,
            resamples=self.resamples.count,
        )


def _totals(columns: Floats, resamples: Resamples) -> Floats:
    """The sums of ``columns`` (n_rows, m) over all rows, then over every resample."""
    units, n_units = resamples.unit_of_row, resamples.n_units
    sums = [np.bincount(units, weights=c, minlength=n_units) for c in columns.T]
    table = np.column_stack(sums).astype(np.float64)
    return np.vstack([columns.sum(axis=0), resamples.totals(table)])


def _areas(truth: NDArray[np.intp], odds: Floats, resamples: Resamples) -> list[Estimate | None]:
    """The area under each class's ROC curve; of two classes both have the same."""
    drawn, k = resamples.first(_ROC_RESAMPLES), odds.shape[1]
    ranked = range(k) if k > 2 else (1,)
    statistics = [area_under_roc(odds[:, c], truth == c) for c in ranked]
    with np.errstate(all="ignore"):
        values = [value_of(statistic, len(truth)) for statistic in statistics]
    found = [
        Estimate(
            value=value,
            interval=interval_of(column),
            n=len(truth),
            units=drawn.independent,
            resamples=drawn.count,
        )
        if math.isfinite(value)
        else None
        for value, column in zip(values, bootstrap(statistics, drawn).T, strict=True)
    ]
    return found if k > 2 else found * 2
