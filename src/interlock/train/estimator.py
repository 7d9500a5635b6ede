"""What each family of estimators needs: its form of the inputs, seeds, threads, early stopping.

Invariants: the author's object is never changed; the number of threads changes nothing but the
time; where tune rows can be given for early stopping, no part of the train rows is set aside at
random.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from interlock.train.answer import Floats
from interlock.train.encoder import MAX_CATEGORIES
from interlock.train.training_data import Form

_HISTOGRAM = (HistGradientBoostingRegressor, HistGradientBoostingClassifier)
_AUTO_EARLY_STOPPING = 10_000  # rows; above it scikit-learn's 'auto' stops early
_LIGHTGBM_PATIENCE = ("early_stopping_round", "early_stopping_rounds", "n_iter_no_change")
_LIGHTGBM_FIXED = {"deterministic": True, "force_row_wise": True, "verbosity": -1}


@dataclass(frozen=True, kw_only=True)
class Examples:
    """What an estimator is fitted on: train rows, and tune rows for early stopping.

    ``X`` are (n_rows, n_columns), ``y`` and ``weights`` (n_rows,); ``categorical`` are the columns
    that hold codes of categories.
    """

    X_train: Any
    y_train: NDArray[Any]
    weights: Floats | None
    X_tune: Any
    y_tune: NDArray[Any]
    weights_tune: Floats | None
    categorical: tuple[int, ...]


def form_of(estimator: Any) -> Form:
    """The form the estimator takes: a frame for anything with a Pipeline in it, else a matrix."""
    parts = [estimator, *estimator.get_params(deep=True).values()]
    if any(isinstance(part, Pipeline | ColumnTransformer) for part in parts):
        return Form(style=None)
    if not _is_booster(estimator):
        return Form(style="linear", max_categories=MAX_CATEGORIES)
    bins = estimator.max_bins if isinstance(estimator, _HISTOGRAM) else MAX_CATEGORIES + 1
    return Form(style="tree", max_categories=min(MAX_CATEGORIES, bins - 1))


def has_threads(estimator: Any) -> bool:
    """Whether the estimator, or one inside it, spreads its own fit over threads."""
    if not hasattr(estimator, "get_params") or isinstance(estimator, type):
        return False
    parts = [estimator, *estimator.get_params(deep=True).values()]
    return any(_is_booster(part) or _is_forest(part) for part in parts)


def seeded(estimator: Any, seed: int) -> Any:
    """A clone in which every ``random_state`` that was None is the seed, at every depth."""
    copy = clone(estimator)
    unset = {
        name: seed
        for name, value in copy.get_params(deep=True).items()
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    }
    copy.set_params(**unset)
    if _is_from(_last(copy), "lightgbm"):
        last = _last(copy)
        last.set_params(**{k: v for k, v in _LIGHTGBM_FIXED.items() if k not in last.get_params()})
    return copy


def shortened(estimator: Any, rounds: int) -> Any | None:
    """The same with at most that many boosting rounds or trees; None where it has no more."""
    params = {"": estimator, **estimator.get_params(deep=True)}
    long = {}
    for name, value in params.items():
        owner, _, last = name.rpartition("__")
        counted = last == "n_estimators" or (
            last == "max_iter" and isinstance(params.get(owner), _HISTOGRAM)
        )
        if counted and isinstance(value, int) and value > rounds:
            long[name] = rounds
    return clone(estimator).set_params(**long) if long else None


def fit(estimator: Any, examples: Examples, threads: int) -> tuple[str, ...]:
    """Fit the estimator, in place, on that many threads; what is worth noting of it."""
    if not isinstance(estimator, Pipeline):
        return _fit_last(estimator, examples, threads)
    estimator.set_params(memory=None)
    if len(estimator) == 1:
        return _fit_last(estimator[0], examples, threads)
    steps = estimator[:-1]
    transformed = steps.fit_transform(examples.X_train, examples.y_train)
    tune = steps.transform(examples.X_tune) if len(examples.y_tune) else None
    inner = Examples(**{**vars(examples), "X_train": transformed, "X_tune": tune})
    return _fit_last(estimator[-1], inner, threads)


def takes_weights(estimator: Any) -> bool:
    """Whether it, or the last step of a Pipeline, is fitted with sample weights."""
    last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    return bool(has_fit_parameter(last, "sample_weight"))


def _fit_last(estimator: Any, examples: Examples, threads: int) -> tuple[str, ...]:
    arguments: dict[str, Any] = {}
    notes: list[str] = []
    weighted = examples.weights is not None
    if weighted and takes_weights(estimator):
        arguments["sample_weight"] = examples.weights
    elif weighted:
        notes.append(f"{type(estimator).__name__} takes no sample weights: fitted without")
    if isinstance(estimator, _HISTOGRAM):
        _tell_categories(estimator, examples)
        notes += _early_stopping_of_histogram(estimator, examples, arguments)
    elif _is_from(estimator, "lightgbm"):
        arguments["categorical_feature"] = list(examples.categorical)
        _early_stopping_of_lightgbm(estimator, examples, arguments)
    elif _is_from(estimator, "xgboost"):
        _early_stopping_of_xgboost(estimator, examples, arguments)
    _fit_on_threads(estimator, examples, arguments, threads)
    return tuple(notes)


def _fit_on_threads(
    estimator: Any, examples: Examples, arguments: dict[str, Any], threads: int
) -> None:
    """Fit with ``n_jobs`` set for the fit alone: it is no part of what was fitted.

    A forest then predicts on one thread, where it always adds its trees in the same order.
    """
    own = "n_jobs" in estimator.get_params() and (_is_booster(estimator) or _is_forest(estimator))
    if own:
        before = estimator.get_params()["n_jobs"]
        estimator.set_params(n_jobs=threads)
    estimator.fit(examples.X_train, examples.y_train, **arguments)
    if own:
        estimator.set_params(n_jobs=None if _is_forest(estimator) else before)


def _tell_categories(estimator: Any, examples: Examples) -> None:
    """Say which columns are codes, unless the author has said it."""
    if isinstance(estimator.categorical_features, str) and examples.categorical:
        estimator.set_params(categorical_features=list(examples.categorical))


def _early_stopping_of_histogram(
    estimator: Any, examples: Examples, arguments: dict[str, Any]
) -> list[str]:
    wanted = estimator.early_stopping
    many = len(examples.y_train) > _AUTO_EARLY_STOPPING
    if wanted is False or (wanted == "auto" and not many):
        return []
    if not len(examples.y_tune):
        return ["no tune rows: early stopping set aside a random part of the train rows"]
    if "X_val" not in inspect.signature(estimator.fit).parameters:
        estimator.set_params(early_stopping=False)
        return ["this scikit-learn takes no tune rows: fitted without early stopping"]
    arguments.update(X_val=examples.X_tune, y_val=examples.y_tune)
    if "sample_weight" in arguments:
        arguments["sample_weight_val"] = examples.weights_tune
    return []


def _early_stopping_of_lightgbm(
    estimator: Any, examples: Examples, arguments: dict[str, Any]
) -> None:
    params = estimator.get_params()
    if any(params.get(name) for name in _LIGHTGBM_PATIENCE) and len(examples.y_tune):
        if "eval_X" in inspect.signature(estimator.fit).parameters:
            arguments.update(eval_X=examples.X_tune, eval_y=examples.y_tune)
        else:
            arguments["eval_set"] = [(examples.X_tune, examples.y_tune)]
        if "sample_weight" in arguments:
            arguments["eval_sample_weight"] = [examples.weights_tune]


def _early_stopping_of_xgboost(
    estimator: Any, examples: Examples, arguments: dict[str, Any]
) -> None:
    if estimator.get_params().get("early_stopping_rounds") and len(examples.y_tune):
        arguments.update(eval_set=[(examples.X_tune, examples.y_tune)], verbose=False)
        if "sample_weight" in arguments:
            arguments["sample_weight_eval_set"] = [examples.weights_tune]


def _last(estimator: Any) -> Any:
    return estimator[-1] if isinstance(estimator, Pipeline) else estimator


def _is_from(estimator: Any, package: str) -> bool:
    return type(estimator).__module__.partition(".")[0] == package


def _is_booster(estimator: Any) -> bool:
    """Known by name where the library is an extra that need not be installed."""
    return isinstance(estimator, _HISTOGRAM) or any(
        _is_from(estimator, package) for package in ("lightgbm", "xgboost")
    )


def _is_forest(estimator: Any) -> bool:
    return type(estimator).__module__ == "sklearn.ensemble._forest"
