"""Models in LightGBM's own code, which comes in only for a release that carries one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.errors import first_line
from interlock.release.scorers.scorer import ByTable, Needs, Raw, unreadable

_SUMS = ("multiclass", "poisson", "gamma", "tweedie")  # as interlock.train.raw reads LightGBM


def open_lightgbm(payload: bytes) -> BoosterScorer:
    """The trees in these bytes. Raises IntegrityError T155."""
    import lightgbm  # noqa: PLC0415 - only a release that carries such a model needs it

    refusal = lightgbm.basic.LightGBMError
    try:
        return BoosterScorer(lightgbm.Booster(model_str=payload.decode()), refusal)
    except (refusal, UnicodeDecodeError) as error:
        raise unreadable("lightgbm", first_line(error)) from error


class BoosterScorer(ByTable):
    """A LightGBM model that no exact exporter could match, in LightGBM's own code.

    ``refusal`` is the exception by which that says that it cannot.
    """

    needs: Needs = "matrix"

    def __init__(self, booster: Any, refusal: type[Exception]) -> None:
        told = booster.dump_model(num_iteration=1)
        said = told.get("objective", "")
        objective, *options = said.split() or [""]  # a function of the author's own has no name
        self._predict = booster.predict
        self._refusal = refusal
        self._sums = objective in _SUMS or (objective == "binary" and "sigmoid:1" in options)
        self._pair = objective == "binary" and not self._sums
        averages = self._sums and told["average_output"]  # as its predictions do, unlike its sums
        self._rounds = booster.current_iteration() if averages else 1

    def raw(self, rows: NDArray[np.float64]) -> Raw:
        """Raw scores where their link is known, else what the model predicts."""
        matrix = np.ascontiguousarray(rows, dtype=np.float64)
        answer = self._predict(matrix, raw_score=self._sums, num_threads=1)
        values = np.asarray(answer, dtype=np.float64).reshape(len(rows), -1) / self._rounds
        return np.hstack([1.0 - values, values]) if self._pair else values

    def contributions(self, rows: NDArray[np.float64]) -> Raw | None:
        """TreeSHAP of the trees' sum, (n_rows, n_columns + 1), what all start from last.

        None where LightGBM has none, as for linear trees.
        """
        matrix = np.ascontiguousarray(rows, dtype=np.float64)
        try:
            found = self._predict(matrix, pred_contrib=True, num_threads=1)
        except self._refusal:
            return None
        return np.asarray(found, dtype=np.float64)
