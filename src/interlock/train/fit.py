"""Fit all candidates and baselines of a product, each on the same train rows.

Invariants: one candidate that fails does not sink the others; the number of cores changes nothing
but the time. Candidates are fitted beside each other, each on one thread; only those that spread
over threads themselves, and only on a matrix large enough to gain by it, are fitted one after the
other, each on all cores. Linear algebra runs on one thread always, for its sums depend on the
number.

Why not threads always: a booster on 25,000 rows enters thousands of parallel regions of some
microseconds, and OpenMP's threads wait for each other spinning. On two idle cores that gains a
quarter; on two busy ones it was seen to take ten to a hundred times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import is_classifier

from interlock import clock
from interlock.errors import AuthorError, InterlockError, Mistake
from interlock.stats.threads import limited_threads
from interlock.train import estimator as families
from interlock.train.answer import AnswerSpec, Floats, answer
from interlock.train.baseline import FittedRule, fit_rule
from interlock.train.candidate import Baseline, Candidate
from interlock.train.describe import describe_estimator
from interlock.train.encoder import Encoder
from interlock.train.estimator import Examples
from interlock.train.interval import transform_target
from interlock.train.quantiles import Quantiles, WithQuantiles, at_quantile
from interlock.train.raw import link_of, raw_scores
from interlock.train.training_data import Form, Preparations, Prepared, TrainingData
from interlock.train.trial import Objective, Trial

Declared: TypeAlias = Candidate | Baseline

THREADS_PAY = 1_000_000  # cells of a matrix, rows × inputs, from which threads within a fit pay


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A fitted candidate or baseline.

    ``encoder`` is None where the estimator takes a frame; ``spec`` has no interval yet; ``params``
    describe the estimator as fitted; ``n_rows`` were trained on; ``notes`` say what the author may
    not expect.
    """

    name: str
    is_baseline: bool
    estimator: Any
    prepared: Prepared
    spec: AnswerSpec
    params: Mapping[str, Any]
    n_rows: int
    trials: tuple[Trial, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def encoder(self) -> Encoder | None:
        """The encoder, or None where the estimator takes a frame."""
        return self.prepared.encoder

    def matrix(self, columns: Mapping[str, Any]) -> Any:
        """What the estimator takes for those rows: a matrix or a frame (n_rows, n_columns)."""
        return self.prepared.apply(columns)

    def raw(self, columns: Mapping[str, Any]) -> Floats:
        """The raw scores (n_rows, n_scores) of those rows, the same on any number of cores."""
        return self.scores(self.matrix(columns))

    def scores(self, matrix: Any) -> Floats:
        """The raw scores (n_rows, n_scores) of rows as the estimator takes them."""
        small = matrix.shape[0] * matrix.shape[1] < THREADS_PAY
        with limited_threads(1, user_api=None if small else "blas"):
            return raw_scores(self.estimator, matrix)


@dataclass(frozen=True, kw_only=True)
class FailedFit:
    """A candidate that could not be fitted, and why."""

    name: str
    mistakes: tuple[Mistake, ...]
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What happens to a candidate while fitting; ``seconds`` is None when it has just started."""

    name: str
    state: Literal["started", "finished", "failed"]
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class _Task:
    """One thing to fit."""

    name: str
    declared: Declared
    seed: int
    threads: int
    objective: Objective | None
    preparations: Preparations
    on_progress: Callable[[Progress], None]

    @property
    def data(self) -> TrainingData:
        return self.preparations.data


def fit_all(
    candidates: Mapping[str, Declared],
    data: TrainingData,
    *,
    seeds: Callable[[str], int],
    cores: int,
    objective: Objective | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> dict[str, Fitted | FailedFit]:
    """Fit every candidate and baseline; the result is in the order of the declaration.

    ``seeds(name)`` is a candidate's seed, ``objective`` what searches improve. ``on_progress`` may
    be called from several threads.
    """
    preparations = Preparations(data)
    tasks = [
        _Task(
            name=name,
            declared=declared,
            seed=seeds(name),
            threads=1,
            objective=objective,
            preparations=preparations,
            on_progress=on_progress,
        )
        for name, declared in candidates.items()
    ]
    spreading = [t for t in tasks if _spreads(t.declared)]
    large = len(preparations.train) * len(data.inputs) >= THREADS_PAY
    wide = spreading if large else []
    narrow = sorted((t for t in tasks if t not in wide), key=lambda t: t not in spreading)
    with limited_threads(1, user_api="blas"):
        results = _beside_each_other(narrow, cores) + [_run(task, cores) for task in wide]
    by_name = {result.name: result for result in results}
    return {name: by_name[name] for name in candidates}


def _spreads(declared: Declared) -> bool:
    return isinstance(declared, Candidate) and families.has_threads(declared.estimator)


def _beside_each_other(tasks: Sequence[_Task], cores: int) -> list[Fitted | FailedFit]:
    if cores == 1 or len(tasks) < 2:
        return [_run(task, 1) for task in tasks]
    workers = Parallel(n_jobs=min(cores, len(tasks)), backend="threading", pre_dispatch="all")
    return list(workers(delayed(_run)(task, 1) for task in tasks))


def _run(task: _Task, threads: int) -> Fitted | FailedFit:
    task = replace(task, threads=threads)
    task.on_progress(Progress(name=task.name, state="started"))
    start = clock.monotonic()
    result: Fitted | FailedFit
    try:
        with limited_threads(threads, user_api="openmp"):
            result = _fit(task)
    except InterlockError as error:
        mistakes = tuple(replace(m, where=m.where or _where(task)) for m in error.mistakes)
        result = FailedFit(name=task.name, mistakes=mistakes)
    except Exception as error:  # noqa: BLE001 - an author's estimator may raise anything at all
        result = FailedFit(name=task.name, mistakes=(_unfitted(task, error),))
    seconds = clock.monotonic() - start
    state: Literal["finished", "failed"] = "finished" if isinstance(result, Fitted) else "failed"
    task.on_progress(Progress(name=task.name, state=state, seconds=seconds))
    return replace(result, seconds=seconds)


def _where(task: _Task) -> str:
    return f"{'baseline' if isinstance(task.declared, Baseline) else 'candidate'} {task.name!r}"


def _unfitted(task: _Task, error: Exception) -> Mistake:
    return Mistake(
        code="T109",
        what="a candidate could not be fitted",
        where=_where(task),
        got=f"{type(error).__name__}: {error}",
        fix="read the estimator's own message; `interlock explain T109` names usual causes",
    )


def _fit(task: _Task) -> Fitted:
    if not len(task.preparations.train):
        raise AuthorError(
            "T110",
            "there are no rows to train on",
            expected="rows older than the tune, calibrate and test parts",
            got=", ".join(f"{part}: {n}" for part, n in task.data.split.counts.items()),
            fix="shorten the parts of the split, or give more rows",
        )
    if isinstance(task.declared, Baseline):
        return _fit_baseline(task, task.declared)
    mistakes = task.declared.mistakes(task.name, task.data.task)
    if mistakes:
        raise AuthorError.of(mistakes)
    if task.declared.search:
        fitted = _fit_best(task, task.declared)
    else:
        fitted = _fit_candidate(task, task.declared, {})
    if task.declared.quantiles is None:
        return fitted
    return _with_quantiles(task, task.declared, fitted, task.declared.quantiles)


def _fit_baseline(task: _Task, baseline: Baseline) -> Fitted:
    names = tuple(given.name for given in task.data.inputs)
    mistakes = baseline.mistakes(task.name, task.data.task, names)
    if mistakes:
        raise AuthorError.of(mistakes)
    train = task.preparations.train
    form = Form(style="baseline", only=baseline.rule.feature_name or "")
    prepared = task.preparations.get(form)
    rule = fit_rule(
        baseline.rule,
        prepared.train,
        train.y,
        weights=train.weights,
        n_classes=len(task.data.classes),
    )
    return _fitted(task, rule, prepared, params={**baseline.to_row(), **rule.to_row()})


def _fit_candidate(task: _Task, candidate: Candidate, params: Mapping[str, Any]) -> Fitted:
    estimator = families.seeded(candidate.estimator, task.seed).set_params(**params)
    prepared = task.preparations.get(families.form_of(estimator))
    examples = _examples(task, candidate, prepared)
    notes = families.fit(estimator, examples, task.threads)
    _refuse_missing_classes(estimator, task.data)
    return _fitted(
        task,
        estimator,
        prepared,
        params=describe_estimator(estimator),
        transform=candidate.target,
        notes=notes,
    )


def _with_quantiles(
    task: _Task, candidate: Candidate, fitted: Fitted, quantiles: Quantiles
) -> Fitted:
    """The candidate with two of its kind beside it, fitted to quantiles on the same rows."""
    prepared = task.preparations.get(families.form_of(fitted.estimator))
    examples = _examples(task, candidate, prepared)
    ends = [at_quantile(fitted.estimator, share) for share in quantiles]
    for end in ends:
        families.fit(end, examples, task.threads)
    together = WithQuantiles(fitted.estimator, *ends)
    return replace(fitted, estimator=together)


def _fitted(
    task: _Task,
    estimator: Any,
    prepared: Prepared,
    *,
    params: Mapping[str, Any],
    transform: Any = None,
    notes: tuple[str, ...] = (),
) -> Fitted:
    return Fitted(
        name=task.name,
        is_baseline=isinstance(estimator, FittedRule),
        estimator=estimator,
        prepared=replace(prepared, train=None, tune=None),
        spec=AnswerSpec(
            task=task.data.task,
            link=link_of(estimator),
            transform=transform,
            classes=task.data.classes,
        ),
        params=params,
        n_rows=len(task.preparations.train),
        notes=notes,
    )


def _fit_best(task: _Task, candidate: Candidate) -> Fitted:
    """The best of a search; it was fitted on the train rows alone, as all of them were."""
    from interlock.train.search import search  # noqa: PLC0415 - Optuna, for declared searches only

    tune, objective = task.preparations.tune, task.objective
    if objective is None or not len(tune):
        raise AuthorError(
            "T111",
            "a search has nothing to score its trials on",
            expected="tune rows and a metric",
            got=f"{len(tune)} tune rows, {'a' if objective else 'no'} metric",
            fix="lengthen the tune part of the split, or leave the search out",
        )

    def attempt(params: Mapping[str, Any]) -> tuple[Fitted, float]:
        fitted = _fit_candidate(task, candidate, params)
        prepared = task.preparations.get(families.form_of(fitted.estimator))
        raw = raw_scores(fitted.estimator, prepared.tune)
        return fitted, objective.measure(tune.y, answer(raw, fitted.spec).prediction)

    found = search(
        candidate.search or {},
        attempt,
        trials=candidate.trials,
        better=objective.better,
        seed=task.seed,
    )
    return replace(found.best, trials=found.trials)


def _examples(task: _Task, candidate: Candidate, prepared: Prepared) -> Examples:
    train, tune = task.preparations.train, task.preparations.tune
    return Examples(
        X_train=prepared.train,
        y_train=_target(train.y, candidate.target),
        weights=train.weights,
        X_tune=prepared.tune,
        y_tune=_target(tune.y, candidate.target),
        weights_tune=tune.weights,
        categorical=prepared.encoder.categorical if prepared.encoder else (),
    )


def _target(y: NDArray[Any], transform: str | None) -> NDArray[Any]:
    if transform is None:
        return y
    transformed = transform_target(y, transform)
    bad = np.flatnonzero(~np.isfinite(transformed))
    if len(bad):
        raise AuthorError(
            "T107",
            f"the target has values whose {transform} is not a finite number",
            expected="values above 0" if transform == "log" else "values above -1",
            got=f"{len(bad)} of {len(y)} rows, the first {float(y[bad[0]]):g}",
            fix="bound the target's column, for example il.Int(ge=1), or drop target=…",
        )
    return transformed


def _refuse_missing_classes(estimator: Any, data: TrainingData) -> None:
    if data.task == "regression" or not is_classifier(estimator):
        return
    seen = {int(index) for index in estimator.classes_}
    missing = [name for index, name in enumerate(data.classes) if index not in seen]
    if missing:
        raise AuthorError(
            "T108",
            "some classes have no training row",
            expected="every class among the train rows",
            got="none of " + ", ".join(map(repr, missing)),
            fix="give more rows, or declare the target without these classes",
        )
