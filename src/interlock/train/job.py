"""One thing to fit: a candidate, with its search and its quantiles, or a baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier

from interlock.errors import AuthorError
from interlock.train import estimator as families
from interlock.train.answer import AnswerSpec, answer
from interlock.train.baseline import FittedRule, fit_rule
from interlock.train.candidate import Baseline, Candidate
from interlock.train.describe import describe_estimator
from interlock.train.estimator import Examples
from interlock.train.fitted import Fitted
from interlock.train.interval import transform_target
from interlock.train.quantiles import Quantiles, WithQuantiles, at_quantile
from interlock.train.raw import link_of, raw_scores
from interlock.train.training_data import Form, Preparations, Prepared, TrainingData
from interlock.train.trial import Objective

Declared: TypeAlias = Candidate | Baseline


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What happens to a candidate while fitting; ``seconds`` is None when it has just started."""

    name: str
    state: Literal["started", "finished", "failed"]
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
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
        """What it is fitted on, and its split."""
        return self.preparations.data


def fit_job(job: Job) -> Fitted:
    """Fit it. Raises AuthorError, and whatever its estimator raises."""
    if not len(job.preparations.train):
        raise AuthorError(
            "T110",
            "there are no rows to train on",
            expected="rows older than the tune, calibrate and test parts",
            got=", ".join(f"{part}: {n}" for part, n in job.data.split.counts.items()),
            fix="shorten the parts of the split, or give more rows",
        )
    if isinstance(job.declared, Baseline):
        return _fit_baseline(job, job.declared)
    mistakes = job.declared.mistakes(job.name, job.data.task)
    if mistakes:
        raise AuthorError.of(mistakes)
    if job.declared.search:
        fitted = _fit_best(job, job.declared)
    else:
        fitted = _fit_candidate(job, job.declared, {})
    if job.declared.quantiles is None:
        return fitted
    return _with_quantiles(job, job.declared, fitted, job.declared.quantiles)


def _fit_baseline(job: Job, baseline: Baseline) -> Fitted:
    names = tuple(given.name for given in job.data.inputs)
    mistakes = baseline.mistakes(job.name, job.data.task, names)
    if mistakes:
        raise AuthorError.of(mistakes)
    train = job.preparations.train
    form = Form(style="baseline", only=baseline.rule.feature_name or "")
    prepared = job.preparations.get(form)
    rule = fit_rule(
        baseline.rule,
        prepared.train,
        train.y,
        weights=train.weights,
        n_classes=len(job.data.classes),
    )
    return _fitted(job, rule, prepared, params={**baseline.to_row(), **rule.to_row()})


def _fit_candidate(job: Job, candidate: Candidate, params: Mapping[str, Any]) -> Fitted:
    estimator = families.seeded(candidate.estimator, job.seed).set_params(**params)
    prepared = job.preparations.get(families.form_of(estimator))
    examples = _examples(job, candidate, prepared)
    notes = families.fit(estimator, examples, job.threads)
    _refuse_missing_classes(estimator, job.data)
    return _fitted(
        job,
        estimator,
        prepared,
        params=describe_estimator(estimator),
        transform=candidate.target,
        notes=notes,
    )


def _with_quantiles(job: Job, candidate: Candidate, fitted: Fitted, quantiles: Quantiles) -> Fitted:
    """The candidate with two of its kind beside it, fitted to quantiles on the same rows."""
    prepared = job.preparations.get(families.form_of(fitted.estimator))
    examples = _examples(job, candidate, prepared)
    ends = [at_quantile(fitted.estimator, share) for share in quantiles]
    for end in ends:
        families.fit(end, examples, job.threads)
    together = WithQuantiles(fitted.estimator, *ends)
    return replace(fitted, estimator=together)


def _fitted(
    job: Job,
    estimator: Any,
    prepared: Prepared,
    *,
    params: Mapping[str, Any],
    transform: Any = None,
    notes: tuple[str, ...] = (),
) -> Fitted:
    return Fitted(
        name=job.name,
        is_baseline=isinstance(estimator, FittedRule),
        estimator=estimator,
        prepared=replace(prepared, train=None, tune=None),
        spec=AnswerSpec(
            task=job.data.task,
            link=link_of(estimator),
            transform=transform,
            classes=job.data.classes,
        ),
        params=params,
        n_rows=len(job.preparations.train),
        notes=notes,
    )


def _fit_best(job: Job, candidate: Candidate) -> Fitted:
    """The best of a search; it was fitted on the train rows alone, as all of them were."""
    from interlock.train.search import search  # noqa: PLC0415 - Optuna, for declared searches only

    tune, objective = job.preparations.tune, job.objective
    if objective is None or not len(tune):
        raise AuthorError(
            "T111",
            "a search has nothing to score its trials on",
            expected="tune rows and a metric",
            got=f"{len(tune)} tune rows, {'a' if objective else 'no'} metric",
            fix="lengthen the tune part of the split, or leave the search out",
        )

    def attempt(params: Mapping[str, Any]) -> tuple[Fitted, float]:
        fitted = _fit_candidate(job, candidate, params)
        prepared = job.preparations.get(families.form_of(fitted.estimator))
        raw = raw_scores(fitted.estimator, prepared.tune)
        return fitted, objective.measure(tune.y, answer(raw, fitted.spec).prediction)

    found = search(
        candidate.search or {},
        attempt,
        trials=candidate.trials,
        better=objective.better,
        seed=job.seed,
    )
    return replace(found.best, trials=found.trials)


def _examples(job: Job, candidate: Candidate, prepared: Prepared) -> Examples:
    train, tune = job.preparations.train, job.preparations.tune
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
