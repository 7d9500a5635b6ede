"""scikit-learn's linear regressors and logistic regression: one matrix product and one addition.

BLAS adds the products in an order of its own, so results agree to rounding, not to the bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper
from sklearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeCV,
)

from interlock.release.export import graph
from interlock.release.export.exported import Edges, Graph, Refusal

_CLASSES = (
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeCV,
)


def accepts(estimator: Any) -> bool:
    """Whether this module knows the estimator's exact class."""
    return type(estimator) in _CLASSES


def export(estimator: Any) -> Graph:
    """The graph of a fitted estimator; raises Refusal for several targets at once."""
    weights = np.atleast_2d(np.asarray(_dense(estimator.coef_), dtype=np.float64))
    n_outputs, n_columns = weights.shape
    if not isinstance(estimator, LogisticRegression | LogisticRegressionCV) and n_outputs != 1:
        raise Refusal(f"it predicts {n_outputs} targets at once")
    offset = np.broadcast_to(np.asarray(estimator.intercept_, dtype=np.float64), (n_outputs,))
    payload = graph.serialise(
        [
            helper.make_node("MatMul", ["X", "weights"], ["product"]),
            helper.make_node("Add", ["product", "offset"], ["raw"]),
        ],
        [graph.constant("weights", weights.T), graph.constant("offset", offset)],
        n_columns=n_columns,
        n_outputs=n_outputs,
    )
    return Graph(payload=payload, edges=Edges())


def _dense(coefficients: Any) -> Any:
    return coefficients.toarray() if hasattr(coefficients, "toarray") else coefficients
