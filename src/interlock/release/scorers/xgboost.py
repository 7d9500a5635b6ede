"""Models in XGBoost's own code, which comes in only for a release that carries one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.errors import first_line
from interlock.release.scorers.scorer import ByTable, Needs, Raw, unreadable

_MARGINS = (
    "binary:logistic",
    "count:poisson",
    "multi:softmax",
    "multi:softprob",
    "reg:gamma",
    "reg:tweedie",
)


def open_xgboost(payload: bytes) -> XgboostScorer:
    """The trees in these bytes. Raises IntegrityError T155."""
    import xgboost  # noqa: PLC0415 - only a release that carries such a model needs it

    try:
        booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(payload))
    except xgboost.core.XGBoostError as error:
        raise unreadable("xgboost", first_line(error)) from error
    return XgboostScorer(booster)


class XgboostScorer(ByTable):
    """An XGBoost model that no exact exporter could match, in XGBoost's own code."""

    needs: Needs = "matrix"

    def __init__(self, booster: Any) -> None:
        learner = json.loads(booster.save_config())["learner"]
        objective = learner["objective"]["name"]
        self._booster = booster
        self._in_place = learner["learner_train_param"]["booster"] != "gblinear"
        self._margins = objective in _MARGINS
        self._pair = objective.startswith("binary:") and not self._margins

    def raw(self, rows: NDArray[np.float64]) -> Raw:
        """Raw scores where their link is known, else what the model predicts."""
        matrix = np.ascontiguousarray(rows, dtype=np.float64)
        values = np.asarray(self._said(matrix), dtype=np.float64).reshape(len(rows), -1)
        return np.hstack([1.0 - values, values]) if self._pair else values

    def _said(self, matrix: NDArray[np.float64]) -> Any:
        """By the way that XGBoost has for the booster: a linear one reads no rows in place."""
        if self._in_place:
            kind = "margin" if self._margins else "value"
            return self._booster.inplace_predict(matrix, predict_type=kind, validate_features=False)
        return self._booster.predict(
            self._rows(matrix), output_margin=self._margins, validate_features=False
        )

    def _rows(self, matrix: NDArray[np.float64]) -> Any:
        import xgboost  # noqa: PLC0415 - it is loaded: the model is

        return xgboost.DMatrix(matrix, nthread=1)

    def contributions(self, rows: NDArray[np.float64]) -> Raw | None:
        """TreeSHAP of the trees' sum, (n_rows, n_columns + 1), what all start from last."""
        matrix = self._rows(np.ascontiguousarray(rows, dtype=np.float64))
        found = self._booster.predict(matrix, pred_contribs=True, validate_features=False)
        return np.asarray(found, dtype=np.float64)
