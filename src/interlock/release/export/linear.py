"""scikit-learn's linear and generalised linear models: one matrix product and one addition.

BLAS adds the products in an order of its own, so results agree to rounding, not to the bit. The
inverse of a generalised model's link (logarithm, logit) stays outside the graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import linear_model, svm

from interlock.release.export.builder import GraphBuilder
from interlock.release.export.exported import Refusal, Written

ROUNDING = 1e-12  # relative
_LOGISTIC = (linear_model.LogisticRegression, linear_model.LogisticRegressionCV)
_CLASSES = (
    *_LOGISTIC,
    linear_model.ARDRegression,
    linear_model.BayesianRidge,
    linear_model.ElasticNet,
    linear_model.ElasticNetCV,
    linear_model.GammaRegressor,
    linear_model.HuberRegressor,
    linear_model.Lars,
    linear_model.LarsCV,
    linear_model.Lasso,
    linear_model.LassoCV,
    linear_model.LassoLars,
    linear_model.LassoLarsCV,
    linear_model.LassoLarsIC,
    linear_model.LinearRegression,
    linear_model.OrthogonalMatchingPursuit,
    linear_model.OrthogonalMatchingPursuitCV,
    linear_model.PoissonRegressor,
    linear_model.QuantileRegressor,
    linear_model.Ridge,
    linear_model.RidgeCV,
    linear_model.SGDRegressor,
    linear_model.TheilSenRegressor,
    linear_model.TweedieRegressor,
    svm.LinearSVR,
)


def accepts(estimator: Any) -> bool:
    """Whether this module knows the estimator's exact class."""
    return type(estimator) in _CLASSES


def write(estimator: Any, builder: GraphBuilder, source: str) -> Written:
    """The fitted estimator's linear predictor; raises Refusal for several targets at once."""
    weights = np.atleast_2d(np.asarray(_dense(estimator.coef_), dtype=np.float64))
    width = len(weights)
    if not isinstance(estimator, _LOGISTIC) and width != 1:
        raise Refusal(f"it predicts {width} targets at once")
    offset = np.broadcast_to(np.asarray(estimator.intercept_, dtype=np.float64), (width,))
    product = builder.add("MatMul", source, builder.constant(weights.T))
    name = builder.add("Add", product, builder.constant(offset))
    return Written(name=name, width=width, tolerance=ROUNDING)


def _dense(coefficients: Any) -> Any:
    return coefficients.toarray() if hasattr(coefficients, "toarray") else coefficients
