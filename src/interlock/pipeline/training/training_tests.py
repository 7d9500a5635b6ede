"""Stage: the training tests. Each candidate is fitted, and fitted again, on a few hundred rows.

What they ask is in :mod:`interlock.gates.training`. A search is tried with the parameters that the
estimator has; a candidate that does not learn from few rows is given more before it fails, for some
ask for many (``min_samples_leaf=200``). Rows are train rows; some tune rows serve early stopping.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.digest import digest_json, seed_from
from interlock.errors import InterlockError, Mistake
from interlock.evaluate.metric import Metric
from interlock.evaluate.metrics import metric_named
from interlock.gates.gate import run
from interlock.gates.training import TRAINING_TESTS, TrainingMeasurement, Trial
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.rows.examples import load_examples
from interlock.pipeline.training.finishing import Finishing
from interlock.pipeline.training.training import train_inputs, training_data
from interlock.train import estimator as families
from interlock.train.answer import answer
from interlock.train.candidate import Candidate
from interlock.train.fit import fit_all
from interlock.train.fitted import FailedFit, Fitted
from interlock.train.job import Declared
from interlock.train.split import Split
from interlock.train.training_data import TrainingData, take
from interlock.verdict import GateResult

ROWS = 500
MORE_ROWS = 4_000  # for a candidate that has not learned from fewer
_TUNE_ROWS = 100  # for early stopping
_PER_CLASS = 20  # rows at least, where there are as many
_ROUNDS = 20  # of boosters and forests, where only their repetition is asked for
_SHORT, _AGAIN = "#short", "#again"  # no candidate's name has that sign


def rehearse(context: Context, examples: Outcome, seed_root: str) -> Outcome:
    """The training tests of every candidate; the output holds the result."""
    inputs = {**train_inputs(context, examples, seed_root), "rows": [ROWS, MORE_ROWS]}
    return context.run(
        "training tests", inputs, lambda: _tested(context, examples, seed_root), keep=_opened
    )


def _opened(output: Mapping[str, Any]) -> bool:
    return GateResult.from_row(output["result"]).opens


def _tested(context: Context, examples: Outcome, seed_root: str) -> dict[str, Any]:
    rows = load_examples(context, examples.output)
    data = training_data(context, examples)
    rehearsal = _Rehearsal(context, data, Finishing.of(context.bound, rows), seed_root)
    trials = rehearsal.trials(list(context.bound.product.candidates), ROWS)
    slow = [t.name for t in trials if not t.problem and not _learned(t) and t.rows >= ROWS]
    again = {t.name: t for t in rehearsal.trials(slow, MORE_ROWS)} if slow else {}
    measurement = TrainingMeasurement(
        metric=context.bound.product.metric_name,
        trials=tuple(again.get(t.name, t) for t in trials),
    )
    return {"result": run("training tests", TRAINING_TESTS, measurement).to_row()}


def _learned(trial: Trial) -> bool:
    if trial.constant is None:
        return True
    better = trial.value < trial.constant
    return better if trial.lower_is_better else trial.value > trial.constant


class _Rehearsal:
    """Fits and exports candidates on some of the train rows."""

    def __init__(
        self, context: Context, data: TrainingData, finishing: Finishing, seed_root: str
    ) -> None:
        self._context = context
        self._data = data
        self._finishing = finishing
        self._seed_root = seed_root
        self._declared = context.bound.product.candidates
        self._metrics = _metrics(context)

    def trials(self, names: Sequence[str], limit: int) -> list[Trial]:
        """One trial a candidate, on at most ``limit`` rows."""
        chosen = chosen_rows(self._data, limit)
        few = replace(self._data, split=_small_split(self._data.split, chosen))
        fits = fit_all(self._tasks(names), few, seeds=self._seed, cores=self._context.cores)
        return [self._trial(few, chosen, fits, name) for name in names]

    def _tasks(self, names: Sequence[str]) -> dict[str, Declared]:
        """Each candidate as it is, and a pair of fits to compare: of itself, or shortened."""
        found: dict[str, Declared] = {}
        for name in names:
            whole = _plain(self._declared[name])
            short = _shortened(whole)
            found[name] = whole
            if short is not whole:
                found[name + _SHORT] = short
            found[name + _AGAIN] = short
        return found

    def _seed(self, name: str) -> int:
        own = name.partition("#")[0]
        return seed_from(self._seed_root, own, digest_json(self._declared[own].to_row()))

    def _trial(
        self,
        data: TrainingData,
        chosen: NDArray[np.int64],
        fits: Mapping[str, Fitted | FailedFit],
        name: str,
    ) -> Trial:
        fit, again = fits[name], fits[name + _AGAIN]
        first = fits.get(name + _SHORT, fit)
        for found in (fit, first, again):
            if isinstance(found, FailedFit):
                return _broken(name, len(chosen), found.mistakes)
        assert isinstance(fit, Fitted)
        assert isinstance(first, Fitted)
        assert isinstance(again, Fitted)
        try:
            return self._exported_trial(data, chosen, fit, (first, again))
        except InterlockError as error:
            return _broken(name, len(chosen), error.mistakes)

    def _exported_trial(
        self,
        data: TrainingData,
        chosen: NDArray[np.int64],
        fit: Fitted,
        pair: tuple[Fitted, Fitted],
    ) -> Trial:
        from interlock.pipeline.training import exporting  # noqa: PLC0415 - ONNX is slow

        loaded = exporting.exported_as(fit, data, rows=chosen, edges=False)
        spec = replace(fit.spec, link=loaded.exported.link)
        columns = take(data.columns, data.inputs, chosen)
        found = self._finishing.finish(answer(loaded.raw(columns), spec), chosen)
        prediction, y = found.prediction, data.y[chosen]
        (
            first,
            again,
        ) = (  # scoring may leave its traces in an estimator: before it, if it is this one
            loaded.exported.payload
            if one is fit
            else exporting.payload_like(loaded.exported, one, data)
            for one in pair
        )
        trial = Trial(
            name=fit.name,
            rows=len(chosen),
            not_finite=int((~np.isfinite(prediction).reshape(len(y), -1).all(axis=1)).sum()),
            repeated=first == again,
        )
        return trial if fit.is_baseline else self._compared(trial, y, prediction, data)

    def _compared(
        self, trial: Trial, y: NDArray[Any], prediction: NDArray[Any], data: TrainingData
    ) -> Trial:
        """By the first metric in which it beats the best constant, else by the product's."""
        compared = [
            replace(
                trial,
                metric=metric.name,
                unit=metric.unit_shown(getattr(self._context.bound.product.target, "unit", "")),
                value=metric.value(y, prediction),
                constant=_best_constant(metric, y, data),
                lower_is_better=metric.better == "lower",
            )
            for metric in self._metrics
        ]
        return next((t for t in compared if _learned(t)), compared[0])


def chosen_rows(data: TrainingData, limit: int) -> NDArray[np.int64]:
    """At most about ``limit`` train rows, evenly spread; some of every class, (n_rows,)."""
    train = data.split.train
    if data.task == "regression":
        return _spread(train, limit)
    labels = data.y[train]
    parts = []
    for label in np.unique(labels):
        rows = train[labels == label]
        share = round(limit * len(rows) / len(train))
        parts.append(_spread(rows, max(_PER_CLASS, share)))
    return np.sort(np.concatenate(parts)) if parts else train


def _spread(rows: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    if len(rows) <= limit:
        return rows
    return rows[np.linspace(0, len(rows) - 1, limit).astype(np.int64)]


def _small_split(split: Split, chosen: NDArray[np.int64]) -> Split:
    none = chosen[:0]
    return Split(train=chosen, tune=_spread(split.tune, _TUNE_ROWS), calibrate=none, test=none)


def _plain(declared: Declared) -> Declared:
    """A candidate without its search."""
    return replace(declared, search=None) if isinstance(declared, Candidate) else declared


def _shortened(declared: Declared) -> Declared:
    """A candidate with fewer rounds, or itself: chance does not wait for the last tree."""
    if not isinstance(declared, Candidate):
        return declared
    short = families.shortened(declared.estimator, _ROUNDS)
    return declared if short is None else replace(declared, estimator=short)


def _metrics(context: Context) -> tuple[Metric, ...]:
    """Those in which a model must better a constant: the product's own, then the plain ones.

    A metric of decided classes, or of a product's own code, needs more than a prediction: left out.
    """
    bound = context.bound
    own = bound.metric(bound.product.metric_name)
    usable = [] if own.identity or own.of_answers else [own]
    names = ("mae", "rmse") if bound.product.target.task == "regression" else ("log_loss",)
    return (*usable, *(metric_named(name) for name in names if name != own.name))


def _best_constant(metric: Metric, y: NDArray[Any], data: TrainingData) -> float:
    """The metric of the best answer that is the same for every row."""
    if data.task == "regression":
        answers = [np.full(len(y), centre) for centre in (np.mean(y), np.median(y))]
    else:
        shares = np.bincount(y, minlength=len(data.classes)) / len(y)
        answers = [np.tile(shares, (len(y), 1))]
    values = [metric.value(y, constant) for constant in answers]
    return min(values) if metric.better == "lower" else max(values)


def _broken(name: str, rows: int, mistakes: Sequence[Mistake]) -> Trial:
    first = mistakes[0]
    text = "; ".join(f"{m.what}: {m.got}" if m.got else m.what for m in mistakes)
    return Trial(name=name, rows=rows, problem=text, code=first.code)
