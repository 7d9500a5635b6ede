"""What inputs contribute to an answer: it adds up, it is Shapley's, it is each library's own."""

import copy
import itertools
import math
import tracemalloc
from types import SimpleNamespace

import lightgbm
import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import PoissonRegressor, Ridge
from sklearn.neighbors import KNeighborsRegressor

from interlock.digest import canonical_json
from interlock.release.bundle import Bundle
from interlock.release.export.exported import FILE_NAMES
from interlock.release.export.exporter import export
from interlock.release.scorers.opening import open_scorer
from interlock.serve.errors import ServiceError
from interlock.serve.loaded import explainer as module
from interlock.serve.loaded.explainer import Explainer, outputs
from interlock.stats.shapley import Walks
from interlock.train.answer import AnswerSpec, answer
from interlock.train.encoder import Encoder
from interlock.train.exchange import Exchange

RNG = np.random.default_rng(5)


def bundle(background):
    files = {} if background is None else {"background.json": canonical_json(background)}
    return Bundle(digest="0" * 64, directory=None, manifest={}, files=files)


def plain(columns, rows):
    return {
        name: [None if v is None or v != v else v for v in np.asarray(values, object)[rows]]
        for name, values in columns.items()
    }


class Case:
    """A model on the small release's inputs, and an explainer with so many background rows."""

    def __init__(self, support, model, *, style="tree", rows=20, task="regression", **spec):
        self.columns, price = support.training_columns()
        self.inputs = support.INPUTS
        self.encoder = Encoder.fit(self.inputs, self.columns, style)
        matrix = self.encoder.transform(self.columns)
        target = {"log": np.log, "log1p": np.log1p}.get(spec.get("transform"), np.copy)(price)
        if task != "regression":
            target = np.digitize(price, np.quantile(price, spec.pop("cuts")))
        exported = export(model.fit(matrix, target), self.encoder, task=task)
        self.format = exported.format
        self.scorer = open_scorer(
            exported.format, exported.payload, n_columns=matrix.shape[1], inputs=self.inputs
        )
        self.spec = AnswerSpec(task=task, link=exported.link, **spec)
        self.background = plain(self.columns, np.arange(rows))
        self.explainer = self.opened()
        self.rows = matrix[100:110]

    def opened(self, background=...):
        known = {"columns": self.background} if background is ... else background
        return Explainer.of(
            bundle(known),
            inputs=[i.name for i in self.inputs],
            encoder=self.encoder,
            scorer=self.scorer,
            spec=self.spec,
        )

    def exact(self, row):
        """By enumeration of all subsets, in the space in which contributions add up."""
        explainer, n = self.explainer, len(self.inputs)
        subsets = np.array(list(itertools.product([False, True], repeat=n)))
        flags = explainer.exchange.columns_of(subsets)
        worth = {}
        for members, flag in zip(map(tuple, subsets), flags, strict=True):
            mixed = np.where(flag, row, explainer.background)
            worth[members] = outputs(self.scorer.raw(mixed), self.spec).mean(axis=0)
        found = np.zeros((n, len(next(iter(worth.values())))))
        for i in range(n):
            for members, value in worth.items():
                if not members[i]:
                    size = sum(members)
                    weight = math.factorial(size) * math.factorial(n - size - 1)
                    joined = (*members[:i], True, *members[i + 1 :])
                    found[i] += weight / math.factorial(n) * (worth[joined] - value)
        return found


MADE = {}


def case_of(support, name):
    """The case of that name, fitted once; its explainer is new."""
    if name not in MADE:
        MADE[name] = made(support, name)
    case = copy.copy(MADE[name])
    case.background = copy.deepcopy(case.background)
    case.explainer = case.opened()
    return case


def made(support, name):
    boosting = HistGradientBoostingRegressor(max_iter=10)
    classifier = HistGradientBoostingClassifier(max_iter=5)
    return {
        "log target": lambda: Case(support, boosting, transform="log"),
        "log1p target": lambda: Case(support, boosting, transform="log1p"),
        "plain target": lambda: Case(support, boosting),
        "log link": lambda: Case(support, PoissonRegressor(alpha=1e-9), style="linear"),
        "one-hot": lambda: Case(support, Ridge(), style="linear", transform="log"),
        "native": lambda: Case(support, KNeighborsRegressor(), style="linear"),
        "two classes": lambda: Case(
            support, classifier, task="binary", cuts=[0.5], classes=(False, True)
        ),
        "three classes": lambda: Case(
            support, classifier, task="multiclass", cuts=[0.3, 0.7], classes=("a", "b", "c")
        ),
    }[name]()


CASES = ["log target", "log1p target", "plain target", "log link", "one-hot", "native",
         "two classes", "three classes"]  # fmt: skip


def combined(found, key=None):
    base = found.base if key is None else found.base[key]
    parts = found.contributions if key is None else found.contributions[key]
    if found.combine == "multiply":
        return base * math.prod(parts.values())
    return base + math.fsum(parts.values())


@pytest.mark.parametrize("name", CASES)
def test_base_and_contributions_make_up_the_model_s_answer(support, name):
    case = case_of(support, name)
    said = answer(case.scorer.raw(case.rows), case.spec)
    for i, row in enumerate(case.rows):
        found = case.explainer.explain(row)
        if name == "three classes":
            for k, key in enumerate("abc"):
                assert found.model[key] == pytest.approx(said.probabilities[i, k], rel=1e-12)
                assert combined(found, key) == pytest.approx(found.model[key], rel=1e-9)
            continue
        own = said.probabilities[i, 1] if name == "two classes" else said.value[i]
        assert found.model == pytest.approx(own, rel=1e-12)
        assert combined(found) == pytest.approx(found.model, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_they_are_shapley_values_within_their_error(support, name):
    case = case_of(support, name)
    start = case.explainer.start
    for row in case.rows[:3]:
        exact, parts = case.exact(row), case.explainer
        rows = np.concatenate([row[None], parts._on_the_way(row, 0, parts.walks.n_stops)])
        found = outputs(case.scorer.raw(rows), case.spec)
        sampled = parts.walks.contributions(start, found[1:], found[0])
        assert np.abs(sampled.values - exact).max() <= 3 * max(sampled.errors.max(), 1e-9)
        assert sampled.values.sum(axis=0) == pytest.approx(exact.sum(axis=0))


def test_factors_for_logarithms_terms_for_the_rest_and_the_class_that_is_meant(support):
    ways = {name: case_of(support, name).explainer for name in CASES}
    told = {name: each.explain(each.background[0]) for name, each in ways.items()}
    assert [name for name, each in told.items() if each.combine == "multiply"] == [
        "log target", "log link", "one-hot",
    ]  # fmt: skip
    assert told["two classes"].of == "true"
    assert list(told["three classes"].base) == ["a", "b", "c"]
    assert list(told["three classes"].contributions["b"]) != []
    assert {each.method for each in told.values()} == {"sampled Shapley values"}
    assert {each.background_rows for each in told.values()} == {20}


def test_an_additive_model_is_explained_to_the_bit_of_its_coefficients(support):
    """Ridge on logarithms: the factor of an input is exp(coefficient × (value − mean))."""
    case = case_of(support, "one-hot")
    row = case.rows[0]
    unit = np.eye(len(row))
    slopes = (case.scorer.raw(unit) - case.scorer.raw(np.zeros((1, len(row)))))[:, 0]
    away = slopes * (row - case.explainer.background.mean(axis=0))
    found = case.explainer.explain(row)
    for name, place in case.encoder.places.items():
        assert found.contributions[name] == pytest.approx(math.exp(away[place].sum()), rel=1e-9)


def test_lightgbm_s_own_contributions_are_found_where_trees_only_add(support):
    """Stumps do not interact: TreeSHAP against the training rows is the same as sampling them."""
    model = lightgbm.LGBMRegressor(n_estimators=40, max_depth=1, num_leaves=2, verbose=-1)
    case = Case(support, model, rows=400)
    assert case.format == "onnx"
    own = model.booster_.predict(case.rows, pred_contrib=True)
    for row, expected in zip(case.rows, own, strict=True):
        found = case.explainer.explain(row)
        values = [found.contributions[i.name] for i in case.inputs]
        assert found.base == pytest.approx(expected[-1], rel=1e-9)
        assert values == pytest.approx(expected[:-1].tolist(), rel=1e-6, abs=1e-6 * found.base)


def test_the_weightiest_comes_first(support):
    for name in ("log target", "plain target"):
        case = case_of(support, name)
        found = case.explainer.explain(case.rows[0])
        weights = [
            abs(math.log(v)) if found.combine == "multiply" else abs(v)
            for v in found.contributions.values()
        ]
        assert weights == sorted(weights, reverse=True)
        assert list(found.standard_errors) == list(found.contributions)


def test_the_same_release_explains_the_same_alike_and_loads_alike(support):
    case = case_of(support, "log target")
    row = case.rows[0]
    assert case.explainer.explain(row) == case.explainer.explain(row) == case.opened().explain(row)


def test_its_cost_is_bounded_and_in_one_call(support):
    case = case_of(support, "log target")
    asked = []

    class Counting:
        needs = "matrix"

        def raw(self, rows):
            asked.append(len(rows))
            return case.scorer.raw(rows)

    object.__setattr__(case.explainer, "scorer", Counting())
    case.explainer.explain(case.rows[0])
    assert asked == [case.explainer.n_rows] == [1 + 20 * 6]


def native(support, format, payload, transform=None):
    """An explainer of a release that carries a library's own file."""
    case = case_of(support, "plain target")
    case.spec = AnswerSpec(task="regression", link="identity", transform=transform)
    case.scorer = open_scorer(format, payload, n_columns=case.rows.shape[1])
    case.explainer = case.opened()
    assert FILE_NAMES[format].startswith("model.")
    return case


@pytest.mark.parametrize("transform", [None, "log"])
def test_a_release_in_lightgbm_s_format_uses_its_treeshap(support, transform):
    columns, price = support.training_columns()
    matrix = Encoder.fit(support.INPUTS, columns, "tree").transform(columns)
    model = lightgbm.LGBMRegressor(n_estimators=30, verbose=-1)
    model.fit(matrix, np.log(price) if transform else price)
    text = model.booster_.model_to_string().encode()
    case = native(support, "lightgbm", text, transform)
    for row in case.rows:
        found = case.explainer.explain(row)
        own = model.booster_.predict(row[None], pred_contrib=True)[0]
        expected = np.exp(own) if transform else own
        assert (found.method, found.combine) == ("TreeSHAP", "multiply" if transform else "add")
        values = [found.contributions[i.name] for i in case.inputs]
        assert values == pytest.approx(expected[:-1].tolist(), rel=1e-9, abs=1e-6)
        assert found.base == pytest.approx(expected[-1])
        assert found.standard_errors is not found.contributions
        assert combined(found) == pytest.approx(found.model, rel=1e-9)


def test_a_release_in_xgboost_s_format_uses_its_treeshap(support):
    columns, price = support.training_columns()
    matrix = Encoder.fit(support.INPUTS, columns, "tree").transform(columns)
    model = xgboost.XGBRegressor(n_estimators=30).fit(matrix, np.log(price))
    payload = bytes(model.get_booster().save_raw("ubj"))
    case = native(support, "xgboost", payload, "log")
    for row in case.rows:
        found = case.explainer.explain(row)
        own = model.get_booster().predict(xgboost.DMatrix(row[None]), pred_contribs=True)[0]
        assert found.method == "TreeSHAP"
        values = [found.contributions[i.name] for i in case.inputs]
        assert values == pytest.approx(np.exp(own[:-1]).tolist(), rel=1e-4)
        assert combined(found) == pytest.approx(found.model, rel=1e-9)


@pytest.mark.parametrize(
    "model",
    [
        lightgbm.LGBMRegressor(n_estimators=10, linear_tree=True, verbose=-1),
        lightgbm.LGBMRegressor(
            n_estimators=10, boosting_type="rf", bagging_fraction=0.5, bagging_freq=1, verbose=-1
        ),
        lightgbm.LGBMRegressor(n_estimators=10, reg_sqrt=True, verbose=-1),
    ],
    ids=["linear trees", "averaged trees", "square roots"],
)
def test_where_its_treeshap_is_none_or_of_something_else_it_is_sampled(support, model):
    columns, price = support.training_columns()
    matrix = Encoder.fit(support.INPUTS, columns, "tree").transform(columns)
    text = model.fit(matrix, price).booster_.model_to_string().encode()
    case = native(support, "lightgbm", text)
    found = case.explainer.explain(case.rows[0])
    assert found.method == "sampled Shapley values"
    assert combined(found) == pytest.approx(found.model, rel=1e-9)


def test_without_background_rows_there_is_no_explainer(support):
    assert case_of(support, "plain target").opened(None) is None


@pytest.mark.parametrize("spoil", [
    lambda columns: columns.pop("area"),
    lambda columns: columns.update(other=columns["area"]),
    lambda columns: columns["area"].pop(),
])  # fmt: skip
def test_background_rows_that_do_not_fit_are_refused(support, spoil):
    case = case_of(support, "plain target")
    spoil(case.background)
    with pytest.raises(ValueError, match="does not hold the inputs' columns"):
        case.opened()


def test_what_is_not_finite_explains_nothing(support):
    case = case_of(support, "one-hot")
    row = case.rows[0].copy()
    row[0] = np.inf
    with pytest.raises(ServiceError) as refused:
        case.explainer.explain(row)
    assert refused.value.code == "S124"


def test_what_does_not_add_up_is_never_told(support, monkeypatch):
    case = case_of(support, "plain target")
    object.__setattr__(case.explainer, "start", case.explainer.start + 1e3)
    found = case.explainer.explain(case.rows[0])  # another base, and it still adds up
    assert combined(found) == pytest.approx(found.model, rel=1e-9)
    doubled = case.explainer.walks.contributions
    monkeypatch.setattr(
        type(case.explainer.walks), "contributions",
        lambda self, *given: type(found_ := doubled(*given))(
            base=found_.base, values=2 * found_.values, errors=found_.errors
        ),
    )  # fmt: skip
    with pytest.raises(ServiceError) as refused:
        case.explainer.explain(case.rows[0])
    assert refused.value.code == "S125"


class Trees:
    """A scorer that looks at each row alone, as trees do: sums of steps, in the inputs' order."""

    def __init__(self, n_inputs, n_outputs=1):
        random = np.random.default_rng(7)
        self.steps = random.normal(size=(n_inputs, n_outputs))
        self.asked = []

    def raw(self, rows):
        self.asked.append(len(rows))
        return np.array([np.add.accumulate((row > 0)[:, None] * self.steps)[-1] for row in rows])


def wide(n_inputs, n_walks, *, scorer, spec=None):
    """An explainer of a model of so many inputs, each a column."""
    names = tuple(f"x{i}" for i in range(n_inputs))
    places = {name: slice(i, i + 1) for i, name in enumerate(names)}
    background = np.random.default_rng(3).normal(size=(n_walks, n_inputs))
    spec = spec or AnswerSpec(task="regression", link="identity")
    return Explainer(
        exchange=Exchange(inputs=names, encoder=SimpleNamespace(places=places)),
        scorer=scorer,
        spec=spec,
        walks=Walks.drawn(n_walks, n_inputs, seed=1),
        background=background,
        start=outputs(scorer.raw(background), spec),
    )


@settings(max_examples=60)
@given(
    n_inputs=st.integers(1, 9),
    n_walks=st.integers(1, 7),
    n_bytes=st.integers(1, 3_000),
    classes=st.sampled_from([(), ("a", "b", "c")]),
)
def test_in_parts_it_is_the_same_to_the_bit(n_inputs, n_walks, n_bytes, classes):
    spec = AnswerSpec(task="multiclass", link="softmax", classes=classes) if classes else None
    scorer = Trees(n_inputs, max(1, len(classes)))
    explainer = wide(n_inputs, n_walks, scorer=scorer, spec=spec)
    row = np.random.default_rng(n_bytes).normal(size=n_inputs)
    scorer.asked.clear()
    whole = explainer.explain(row)
    assert scorer.asked == [explainer.n_rows] == [1 + n_walks * (n_inputs - 1)]
    scorer.asked.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_AT_ONCE", n_bytes)
        assert explainer.explain(row) == whole
    most = max(1, n_bytes // (8 * n_inputs))
    assert sum(scorer.asked) == explainer.n_rows
    assert max(scorer.asked) <= most
    assert len(scorer.asked) == -(-explainer.n_rows // most)


@pytest.mark.parametrize("name", CASES)
def test_in_parts_each_model_says_the_same(support, monkeypatch, name):
    case = case_of(support, name)
    whole = [case.explainer.explain(row) for row in case.rows[:3]]
    monkeypatch.setattr(module, "_AT_ONCE", 3_000)
    assert [case.explainer.explain(row) for row in case.rows[:3]] == whole


def test_a_model_of_many_inputs_is_explained_in_little_memory():
    """All rows on the way from eight to one would hold 64 MB, and twice that to make them."""
    n_inputs = 1_000
    scorer = SimpleNamespace(raw=lambda rows: rows.sum(axis=1, keepdims=True))
    explainer = wide(n_inputs, 8, scorer=scorer)
    row = np.ones(n_inputs)
    tracemalloc.start()
    try:
        explainer.explain(row)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 24 << 20
