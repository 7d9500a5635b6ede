import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from interlock.release.export import hist_gradient_boosting
from interlock.release.export.exporter import exact, export
from interlock.release.scorers.opening import open_scorer
from interlock.train.raw import raw_scores

SMALL = {"max_iter": 12, "min_samples_leaf": 3, "random_state": 0}
CATEGORIES = {"categorical_features": [3, 4]}


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson", "gamma"])
@pytest.mark.parametrize("options", [{}, CATEGORIES])
def test_regressors_agree_to_the_bit(examples, parity, encoder, loss, options):
    X = examples.matrix(1)
    y = np.abs(examples.target(X, 1)) + 0.1
    model = HistGradientBoostingRegressor(loss=loss, **SMALL, **options).fit(X, y)
    exported = export(model, encoder, task="regression")
    assert (exported.format, exported.tolerance) == ("onnx", 0.0)
    assert exported.link == ("log" if loss in ("poisson", "gamma") else "identity")
    exactness = parity(model, exported, X)
    assert exactness.bit_identical == exactness.rows > len(X) + 200


@pytest.mark.parametrize(("cuts", "link"), [([1.0], "logit"), ([0.0, 1.0, 2.0], "softmax")])
def test_classifiers_agree_to_the_bit(examples, parity, encoder, cuts, link):
    X = examples.matrix(2)
    y = np.digitize(examples.target(X, 2), cuts)
    model = HistGradientBoostingClassifier(**SMALL, **CATEGORIES).fit(X, y)
    exported = export(model, encoder, task="binary" if len(cuts) == 1 else "multiclass")
    assert exported.link == link
    assert parity(model, exported, X).within(0.0)


def _fitted():
    rng = np.random.default_rng(5)
    X = np.column_stack([rng.normal(size=300), rng.integers(0, 40, 300), rng.integers(0, 5, 300)])
    X = X.astype(float)
    X[::11, 0], X[::13, 1] = np.nan, np.nan
    y = np.nan_to_num(X[:, 0]) + (np.nan_to_num(X[:, 1]) % 4) + X[:, 2]
    model = HistGradientBoostingRegressor(**SMALL, categorical_features=[1, 2]).fit(X, y)
    graph = exact(model)
    return model, graph.edges, open_scorer("onnx", graph.payload, n_columns=3)


MODEL, EDGES, SCORER = _fitted()
CODES = st.one_of(st.integers(0, 45).map(float), st.just(np.nan), st.sampled_from([200.0, 255.0]))
ON_THRESHOLD = st.sampled_from(EDGES.thresholds[0]).flatmap(
    lambda t: st.sampled_from([t, np.nextafter(t, np.inf), np.nextafter(t, -np.inf)])
)
NUMBERS = st.one_of(ON_THRESHOLD, st.floats(allow_nan=True, allow_infinity=True, width=64))


@given(st.lists(st.tuples(NUMBERS, CODES, CODES), min_size=1, max_size=30))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_row_agrees_to_the_bit(rows):
    matrix = np.array(rows, dtype=np.float64)
    native, exported = raw_scores(MODEL, matrix), SCORER.raw(matrix)
    assert native.tobytes() == exported.tobytes()
    assert SCORER.raw_one(list(rows[-1])) == exported[-1].tolist()


def test_categories_need_not_be_codes_from_zero_up(examples, parity, encoder):
    X = examples.matrix(3)
    X[:, 3] = X[:, 3] * 7 + 3
    model = HistGradientBoostingRegressor(**SMALL, **CATEGORIES).fit(X, examples.target(X, 3))
    exported = export(model, encoder, task="regression")
    unseen = X[:30].copy()
    unseen[:, 3] = np.arange(30.0)
    assert parity(model, exported, X, [unseen]).within(0.0)


def test_255_categories_without_missing_ones(parity, encoder):
    rng = np.random.default_rng(0)
    X = np.column_stack([np.arange(2_040) % 255, rng.normal(size=2_040)])
    y = rng.normal(size=255)[X[:, 0].astype(int)]
    model = HistGradientBoostingRegressor(**SMALL, categorical_features=[0]).fit(X, y)
    exported = export(model, encoder, task="regression")
    unseen = np.column_stack([np.arange(400.0), np.zeros(400)])
    unseen[-1, 0] = np.nan
    assert parity(model, exported, X, [unseen]).within(0.0)


@pytest.mark.parametrize("scale", [-1.0, 0.1, 1e300, 1e-300, 1e9])
def test_any_numbers_may_be_categories(parity, encoder, scale):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(-3, 9, 400) * scale, rng.normal(size=400)])
    X[:20, 0] = np.nan
    y = np.isin(X[:, 0], np.array([-2.0, 5.0, 7.0]) * scale) * 9 + X[:, 1]
    model = HistGradientBoostingRegressor(**SMALL, categorical_features=[0]).fit(X, y)
    exported = export(model, encoder, task="regression")
    assert exported.edges.codes[0]
    codes = [-0.0, 0.0, 5.0, 0.5, -1.0, 255.0, 2.0**31, 5e-324]
    unseen = np.column_stack([codes, np.zeros(8)])
    beside = np.nextafter(X[20:60], np.inf)
    assert parity(model, exported, X, [unseen, beside]).within(0.0)


def test_one_leaf_trees_export(encoder, parity):
    X = np.zeros((40, 2))
    model = HistGradientBoostingRegressor(max_iter=3).fit(X, np.arange(40.0))
    assert parity(model, export(model, encoder, task="regression"), X).within(0.0)


def test_the_same_fit_gives_the_same_bytes(examples):
    X = examples.matrix(4)
    y = examples.target(X, 4)
    first, second = (
        exact(HistGradientBoostingRegressor(**SMALL, **CATEGORIES).fit(X, y)).payload
        for _ in range(2)
    )
    assert first == second


def test_a_subclass_is_not_taken_for_its_parent():
    class Doubled(HistGradientBoostingRegressor):
        pass

    assert not hist_gradient_boosting.accepts(Doubled())
