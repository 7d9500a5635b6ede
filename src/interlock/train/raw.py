"""The raw scores of a fitted estimator, before any link; what an exported model must reproduce.

:func:`link_of` says how raw scores become predictions, :func:`raw_scores` computes them with the
estimator's own code. Estimators that are not known here answer through ``predict`` (link identity)
or ``predict_proba`` (link probability), which is always right, only less exact to export.

>>> from sklearn.linear_model import Ridge
>>> ridge = Ridge(alpha=0.0).fit([[0.0], [1.0]], [1.0, 3.0])
>>> link_of(ridge), raw_scores(ridge, np.array([[2.0]])).round(9).tolist()
('identity', [[5.0]])
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import (
    GammaRegressor,
    LogisticRegression,
    LogisticRegressionCV,
    PoissonRegressor,
    TweedieRegressor,
)
from sklearn.pipeline import Pipeline

from interlock.errors import AuthorError
from interlock.train.answer import Floats, Link
from interlock.train.baseline import FittedRule
from interlock.train.quantiles import WithQuantiles

_ROUNDING = 1e-6  # by which probabilities in single precision may leave their range
_HISTOGRAM = (HistGradientBoostingRegressor, HistGradientBoostingClassifier)
_LOGISTIC = (LogisticRegression, LogisticRegressionCV)
_GENERALISED = (GammaRegressor, PoissonRegressor, TweedieRegressor)
_LIGHTGBM_LOG = {"poisson", "gamma", "tweedie"}
_XGBOOST_LOG = {"count:poisson", "reg:gamma", "reg:tweedie"}
_XGBOOST_CLASSES: dict[str, Link] = {
    "binary:logistic": "logit",
    "multi:softmax": "softmax",
    "multi:softprob": "softmax",
}


def link_of(estimator: Any) -> Link:
    """The link between the estimator's raw scores and its predictions."""
    if isinstance(estimator, WithQuantiles):
        return link_of(estimator.central)
    if isinstance(estimator, Pipeline):
        return link_of(estimator[-1])
    if isinstance(estimator, FittedRule):
        return "probability" if len(estimator.other) > 1 else "identity"
    if isinstance(estimator, _HISTOGRAM):
        return _histogram_link(estimator)
    if _is_lightgbm(estimator):
        return _lightgbm_link(estimator)
    if _is_xgboost(estimator):
        return _xgboost_link(estimator)
    if isinstance(estimator, _GENERALISED):
        return _generalised_link(estimator)
    if isinstance(estimator, GradientBoostingClassifier) and estimator.loss != "log_loss":
        return "probability"
    if isinstance(estimator, (*_LOGISTIC, GradientBoostingClassifier)):
        return "logit" if len(estimator.classes_) == 2 else "softmax"
    return "probability" if is_classifier(estimator) else "identity"


def raw_scores(estimator: Any, matrix: Any) -> Floats:
    """Raw scores (n_rows, n_scores) float64 of a matrix or a frame (n_rows, n_columns).

    One score a row for a regression and for two classes with the link logit, else one a class;
    beside the prediction of a model with quantiles, one for each of these. Raises AuthorError T101
    for a regressor that predicts several numbers a row, T152 for what are no probabilities.
    """
    if isinstance(estimator, WithQuantiles):
        return np.hstack([raw_scores(part, matrix) for part in estimator.parts])
    if isinstance(estimator, Pipeline):
        return raw_scores(estimator[-1], estimator[:-1].transform(matrix))
    if isinstance(estimator, FittedRule):
        return estimator.predict(matrix)
    if not matrix.shape[0]:
        return np.empty((0, 1 if not is_classifier(estimator) else len(estimator.classes_)))
    scores = np.asarray(_own_scores(estimator, matrix), dtype=np.float64)
    scores = scores[:, np.newaxis] if scores.ndim == 1 else scores
    if scores.shape[1] > 1 and not is_classifier(estimator):
        raise _several(estimator, scores.shape[1])
    return scores


def _own_scores(estimator: Any, matrix: Any) -> Any:
    link = link_of(estimator)
    if isinstance(estimator, _HISTOGRAM):
        return estimator._raw_predict(matrix)
    if _is_lightgbm(estimator) and link != "probability":
        raw = link != "identity"
        return estimator.predict(matrix, raw_score=raw) / (rounds_of(estimator) if raw else 1)
    if _is_xgboost(estimator) and link != "probability":
        return estimator.predict(matrix, output_margin=link != "identity")
    if isinstance(estimator, _GENERALISED):
        return matrix @ estimator.coef_ + estimator.intercept_
    if link in ("logit", "softmax"):
        return estimator.decision_function(matrix)
    return _shares(estimator, matrix) if link == "probability" else estimator.predict(matrix)


def _several(estimator: Any, n: int) -> AuthorError:
    return AuthorError(
        "T101",
        "a regressor that predicts several numbers a row",
        expected="one number a row",
        got=f"{type(estimator).__name__}, which predicts {n}",
        fix="declare one number; for prediction intervals il.Candidate(…, quantiles=(0.1, 0.9))",
    )


def _shares(estimator: Any, matrix: Any) -> Floats:
    """Its probabilities, (n_rows, n_classes). Raises AuthorError T152 where they are none: boosters
    that were trained by a function of the author's own give their sums for it."""
    found = np.asarray(estimator.predict_proba(matrix), dtype=np.float64)
    shape = (matrix.shape[0], len(estimator.classes_))
    if found.shape == shape and not ((found < -_ROUNDING) | (found > 1 + _ROUNDING)).any():
        return found
    name = type(estimator).__name__
    raise AuthorError(
        "T152",
        f"{name} will not export: what it predicts are no probabilities",
        expected=f"numbers from 0 to 1, {shape[1]} a row",
        got=f"numbers from {found.min():.6g} to {found.max():.6g}, of shape {found.shape}",
        fix="use an objective of the library's own that gives probabilities",
    )


def _histogram_link(estimator: Any) -> Link:
    """From the loss: squared error, absolute error and quantile are identities."""
    if is_classifier(estimator):
        return "logit" if len(estimator.classes_) == 2 else "softmax"
    return "log" if estimator.loss in ("poisson", "gamma") else "identity"


def _generalised_link(estimator: Any) -> Link:
    """As scikit-learn chooses: for Tweedie the identity up to power 0, the logarithm above."""
    if not isinstance(estimator, TweedieRegressor):
        return "log"
    if estimator.link == "auto":
        return "identity" if estimator.power <= 0 else "log"
    return "log" if estimator.link == "log" else "identity"


def _is_xgboost(estimator: Any) -> bool:
    return type(estimator).__module__ == "xgboost.sklearn" and hasattr(estimator, "get_booster")


def _xgboost_link(estimator: Any) -> Link:
    """From the objective as trained."""
    objective = str(estimator.objective)
    if is_classifier(estimator):
        return _XGBOOST_CLASSES.get(objective, "probability")
    return "log" if objective in _XGBOOST_LOG else "identity"


def _is_lightgbm(estimator: Any) -> bool:
    return type(estimator).__module__.startswith("lightgbm") and hasattr(estimator, "booster_")


def rounds_of(estimator: Any) -> int:
    """What LightGBM's sums are to be divided by: of the boosting type rf it predicts from the mean
    of the rounds' trees, and yet gives their sum for raw scores; 1 for all others."""
    if isinstance(estimator, Pipeline):
        return rounds_of(estimator[-1])
    if not _is_lightgbm(estimator):
        return 1
    booster = estimator.booster_
    if not booster.dump_model(num_iteration=1)["average_output"]:
        return 1
    return int(
        booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()
    )


def _lightgbm_link(estimator: Any) -> Link:
    """From the objective as trained; anything unusual answers by the estimator's predictions."""
    said = estimator.booster_.dump_model(num_iteration=1).get("objective", "")
    objective, *options = said.split() or [""]  # a function of the author's own has no name
    if objective == "binary" and "sigmoid:1" in options:
        return "logit"
    if objective == "multiclass":
        return "softmax"
    if objective in _LIGHTGBM_LOG:
        return "log"
    return "probability" if is_classifier(estimator) else "identity"
