"""A declared search: a fixed number of trials, one after the other, scored on the tune rows.

Reproducible: the sampler is seeded, nothing depends on the clock. Importing this module imports
Optuna, so only a declared search does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState

from interlock.errors import AUTHOR_FAULTS, AuthorError
from interlock.train.distribution import Choice, Distribution, FloatRange
from interlock.train.trial import Trial

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Found(Generic[T]):
    """The best of the attempts, and all of them in order."""

    best: T
    trials: tuple[Trial, ...]


def search(
    space: Mapping[str, Distribution],
    attempt: Callable[[Mapping[str, Any]], tuple[T, float]],
    *,
    trials: int,
    better: Literal["lower", "higher"],
    seed: int,
) -> Found[T]:
    """Try ``trials`` sets of parameters; of equals the first is the best.

    ``attempt(params)`` returns what it made and its score. Raises AuthorError T112 when no attempt
    has a finite score.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="minimize" if better == "lower" else "maximize",
        sampler=optuna.samplers.TPESampler(seed=seed),
    )
    sign = 1.0 if better == "lower" else -1.0
    distributions = {name: _distribution(space[name]) for name in sorted(space)}
    done: list[Trial] = []
    best: tuple[float, T] | None = None
    for _ in range(trials):
        asked = study.ask(distributions)
        made, trial = _attempted(attempt, asked.number, dict(asked.params))
        done.append(trial)
        if made is None or trial.score is None:
            study.tell(asked, state=TrialState.FAIL)
            continue
        study.tell(asked, trial.score)
        if best is None or sign * trial.score < best[0]:
            best = (sign * trial.score, made)
    if best is None:
        raise AuthorError(
            "T112",
            "no trial of the search has a score",
            expected="at least one trial that fits and scores",
            got=done[0].problem if done else "no trials",
            fix="try the estimator without a search, then narrow the search",
        )
    return Found(best=best[1], trials=tuple(done))


def _attempted(
    attempt: Callable[[Mapping[str, Any]], tuple[T, float]], number: int, params: dict[str, Any]
) -> tuple[T | None, Trial]:
    try:
        made, score = attempt(params)
    except AUTHOR_FAULTS as error:  # it ends this trial only
        problem = f"{type(error).__name__}: {error}"
        return None, Trial(number=number, params=params, score=None, problem=problem)
    if np.isfinite(score):
        return made, Trial(number=number, params=params, score=float(score))
    return None, Trial(number=number, params=params, score=None, problem=f"scored {score}")


def _distribution(declared: Distribution) -> BaseDistribution:
    if isinstance(declared, Choice):
        return CategoricalDistribution(declared.values)
    if isinstance(declared, FloatRange):
        return FloatDistribution(float(declared.low), float(declared.high), log=declared.log)
    return IntDistribution(declared.low, declared.high, log=declared.log)
