"""Three models in one graph: each as it would be alone, to the bit."""

import numpy as np
import pytest
from lightgbm import LGBMRegressor
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor
from xgboost import XGBRegressor

from interlock.errors import AuthorError
from interlock.release.export.exporter import export, keep
from interlock.train.quantiles import WithQuantiles, at_quantile


def _fitted(estimator, matrix, y):
    parts = [estimator.fit(matrix, y)]
    parts += [at_quantile(estimator, share).fit(matrix, y) for share in (0.1, 0.9)]
    return WithQuantiles(*parts)


@pytest.mark.parametrize(
    "estimator",
    [
        HistGradientBoostingRegressor(max_iter=25, categorical_features=[3, 4]),
        HistGradientBoostingRegressor(max_iter=25, loss="poisson"),
        LGBMRegressor(n_estimators=25, verbosity=-1),
        XGBRegressor(n_estimators=25),
    ],
    ids=["histogram", "poisson", "lightgbm", "xgboost"],
)
def test_the_graph_answers_as_the_three_models(examples, parity, encoder, estimator):
    matrix = examples.matrix(4)
    if isinstance(estimator, XGBRegressor):
        matrix = np.where(np.isinf(matrix), 3.0, matrix)
    model = _fitted(estimator, matrix, np.abs(examples.target(matrix, 4)))
    exported = export(model, encoder, task="regression")
    assert (exported.format, exported.exporter) == ("onnx", "quantiles")
    found = parity(model, exported, matrix)
    assert found.within(exported.tolerance), found


def test_trees_of_gradient_boosting_agree_too(examples, parity, encoder):
    matrix = np.nan_to_num(examples.matrix(5), posinf=3.0, neginf=-3.0)
    model = _fitted(GradientBoostingRegressor(n_estimators=20), matrix, examples.target(matrix, 5))
    exported = export(model, encoder, task="regression")
    assert parity(model, exported, matrix).within(exported.tolerance)


def test_no_library_format_holds_three_models(examples):
    matrix = examples.matrix(6)
    model = _fitted(HistGradientBoostingRegressor(max_iter=5), matrix, examples.target(matrix, 6))
    with pytest.raises(AuthorError) as error:
        keep(model, task="regression", reason="its graph differed")
    assert [(m.code, m.got) for m in error.value.mistakes] == [("T117", "its graph differed")]
