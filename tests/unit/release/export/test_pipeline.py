"""Whole Pipelines in one graph, behind an encoder that numbers the texts."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeRegressor

from interlock.features.definition import Input
from interlock.release.export import transformers
from interlock.release.export.exporter import export
from interlock.release.export.pipeline import OTHER, decoded
from interlock.release.parity import compare, edge_rows
from interlock.release.scorers.opening import open_scorer
from interlock.train.raw import raw_scores
from interlock.train.training_data import frame_of

INPUTS = (
    Input(name="area", kind="int"),
    Input(name="rooms", kind="float"),
    Input(name="style", kind="category", categories=("barn", "loft", "tower")),
    Input(name="zone", kind="str"),
)
NUMBERS, TEXTS = ["area", "rooms"], ["style", "zone"]


def columns(seed=0, n=400):
    rng = np.random.default_rng(seed)
    zones = [f"z{int(z)}" for z in rng.geometric(0.3, n)]
    return {
        "area": np.where(rng.random(n) < 0.1, np.nan, rng.normal(1_000, 300, n)),
        "rooms": np.where(rng.random(n) < 0.05, np.nan, rng.integers(1, 9, n).astype(float)),
        "style": [None if r < 0.1 else "loft" if r < 0.5 else "barn" for r in rng.random(n)],
        "zone": [None if r < 0.05 else z for r, z in zip(rng.random(n), zones, strict=True)],
    }


COLUMNS = columns()
FRAME = frame_of(INPUTS, COLUMNS)
Y = (
    np.nan_to_num(COLUMNS["area"], nan=900) / 100
    + np.array([len(z or "") for z in COLUMNS["zone"]])
    + np.random.default_rng(1).normal(0, 0.3, len(FRAME))
)
NONE = SimpleImputer(missing_values=None, strategy="constant", fill_value="none")


def around(numbers, texts):
    return ColumnTransformer([("n", numbers, NUMBERS), ("t", texts, TEXTS)])


def ready(imputer=None, scaler=None):
    return make_pipeline(imputer or SimpleImputer(), scaler or StandardScaler())


ONE_HOT = OneHotEncoder(handle_unknown="ignore")
PIPELINES = {
    "one-hot": make_pipeline(around(ready(), ONE_HOT), Ridge()),
    "indicator": make_pipeline(around(SimpleImputer(add_indicator=True), ONE_HOT), Ridge()),
    "clipped": make_pipeline(around(ready(scaler=MaxAbsScaler(clip=True)), ONE_HOT), Ridge()),
    "infrequent": make_pipeline(
        around(
            ready(scaler=RobustScaler()),
            OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=25, drop="first"),
        ),
        Ridge(),
    ),
    "ordinal": make_pipeline(
        around(
            "passthrough",
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        ),
        HistGradientBoostingRegressor(max_iter=20, random_state=0),
    ),
    "unknown is missing": make_pipeline(
        around(
            "passthrough",
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan),
        ),
        HistGradientBoostingRegressor(max_iter=20, random_state=0),
    ),
    "a text imputed": make_pipeline(
        around(
            SimpleImputer(add_indicator=True),
            make_pipeline(
                NONE, SimpleImputer(missing_values="z1", strategy="most_frequent"), ONE_HOT
            ),
        ),
        Ridge(),
    ),
    "nothing to indicate": make_pipeline(
        around(make_pipeline(SimpleImputer(), SimpleImputer(add_indicator=True)), ONE_HOT), Ridge()
    ),
    "imputed texts": make_pipeline(
        around(
            ready(SimpleImputer(strategy="median"), MinMaxScaler(clip=True)),
            make_pipeline(NONE, OneHotEncoder(handle_unknown="ignore", max_categories=4)),
        ),
        GradientBoostingRegressor(n_estimators=10, random_state=0),
    ),
    "target": make_pipeline(
        around(ready(scaler=MaxAbsScaler()), TargetEncoder(random_state=0)),
        StandardScaler(),
        Ridge(),
    ),
    "by type": Pipeline(
        [
            (
                "columns",
                ColumnTransformer(
                    [
                        ("t", ONE_HOT, make_column_selector(dtype_include=object)),
                        ("drop", "drop", ["rooms"]),
                    ],
                    remainder=SimpleImputer(),
                ),
            ),
            ("nothing", "passthrough"),
            ("same", FunctionTransformer()),
            ("model", Ridge()),
        ]
    ),
    "numbers as categories": make_pipeline(
        around(OneHotEncoder(handle_unknown="ignore", max_categories=4), ONE_HOT), Ridge()
    ),
    "numbers as codes": make_pipeline(
        around(
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            TargetEncoder(random_state=0),
        ),
        HistGradientBoostingRegressor(max_iter=20, random_state=0),
    ),
    "weighed": make_pipeline(
        around(ready(), ONE_HOT).set_params(transformer_weights={"n": 0.3}), Ridge()
    ),
    "one behind another": make_pipeline(
        around(SimpleImputer(), ONE_HOT),
        StackingRegressor(
            [
                ("a", make_pipeline("passthrough", MaxAbsScaler(), Ridge())),
                ("b", make_pipeline(MaxAbsScaler(), DecisionTreeRegressor(max_depth=3))),
            ],
            final_estimator=make_pipeline(StandardScaler(), Ridge()),
            cv=2,
        ),
    ),
    "marked texts": make_pipeline(
        around(
            SimpleImputer(keep_empty_features=True),
            make_pipeline(
                SimpleImputer(missing_values=None, strategy="most_frequent", add_indicator=True),
                ONE_HOT,
            ),
        ),
        Ridge(),
    ),
    "vote": VotingRegressor(
        [
            ("a", make_pipeline(around(ready(), ONE_HOT), Ridge())),
            ("b", make_pipeline(around(ready(), TargetEncoder(random_state=0)), Ridge(10))),
        ]
    ),
}


def compared(model, exported, extra=()):
    """On the training rows, rows never seen, and the edges; batches of one must agree too."""
    assert (exported.format, exported.tolerance) == ("onnx", exported.tolerance)
    scorer = open_scorer("onnx", exported.payload, n_columns=exported.encoder.n_columns)
    matrix = exported.encoder.transform(columns(7))
    rows = np.vstack(
        [exported.encoder.transform(COLUMNS), edge_rows(exported.edges, matrix), *extra]
    )
    native = raw_scores(model, frame_of(INPUTS, decoded(exported.encoder, rows)))
    answers = scorer.raw(rows)
    singles = np.array([scorer.raw_one(row.tolist()) for row in rows[::9]])
    assert compare(answers[::9], singles).within(1e-12)
    return compare(native, answers)


@pytest.mark.parametrize("name", PIPELINES)
def test_regressors_agree(name):
    model = PIPELINES[name].fit(FRAME, Y)
    exported = export(model, None, task="regression", inputs=INPUTS, columns=COLUMNS)
    assert exported.reason == "exported exactly"
    assert compared(model, exported).within(1e-12)


def test_trees_behind_passthrough_agree_to_the_bit():
    model = PIPELINES["ordinal"].fit(FRAME, Y)
    exported = export(model, None, task="regression", inputs=INPUTS, columns=COLUMNS)
    assert exported.tolerance == 0.0
    assert set(exported.edges.thresholds) == {0, 1}
    assert compared(model, exported).within(0.0)


@pytest.mark.parametrize("threshold", [0.0, 1.0], ids=["dense", "sparse"])
def test_zeros_of_a_sparse_matrix_are_missing_to_xgboost(threshold):
    import xgboost as xgb

    side_by_side = around(ready(), ONE_HOT).set_params(sparse_threshold=threshold)
    last = xgb.XGBRegressor(n_estimators=20, max_depth=3, n_jobs=1)
    model = make_pipeline(side_by_side, "passthrough", last).fit(FRAME, Y)
    exported = export(model, None, task="regression", inputs=INPUTS, columns=COLUMNS)
    assert compared(model, exported).within(1e-12)


def test_zeros_are_missing_to_xgboost_inside_another_estimator_too():
    import xgboost as xgb

    last = xgb.XGBRegressor(n_estimators=20, max_depth=3, n_jobs=1)
    vote = VotingRegressor([("a", last), ("b", Ridge())])
    model = make_pipeline(around(ready(), ONE_HOT).set_params(sparse_threshold=1.0), vote)
    model.fit(FRAME, Y)
    exported = export(model, None, task="regression", inputs=INPUTS, columns=COLUMNS)
    assert compared(model, exported).within(1e-12)


LISTED = [["barn", "loft"], [*(f"z{i}" for i in range(1, 30)), "zz"]]


@pytest.mark.parametrize(
    "texts",
    [
        OneHotEncoder(categories=LISTED, handle_unknown="ignore"),
        make_pipeline(
            SimpleImputer(missing_values="zz", strategy="constant", fill_value="z1"), ONE_HOT
        ),
    ],
    ids=["encoder", "imputer"],
)
def test_a_text_that_only_an_estimator_within_others_knows_is_told_from_others(texts):
    known = {k: [v or "z2" for v in c] if k in TEXTS else c for k, c in COLUMNS.items()}
    inner = make_pipeline(around(ready(), texts), LogisticRegression(max_iter=500))
    model = CalibratedClassifierCV(VotingClassifier([("a", inner)], voting="soft"), cv=2)
    model.fit(frame_of(INPUTS, known), np.median(Y) < Y)
    exported = export(model, None, task="binary", inputs=INPUTS, columns=known)
    rows = {k: list(v[:3]) for k, v in known.items()} | {"zone": ["zz", "z1", "never"]}
    answers = open_scorer("onnx", exported.payload, n_columns=4).raw(
        exported.encoder.transform(rows)
    )
    assert compare(raw_scores(model, frame_of(INPUTS, rows)), answers).within(1e-12)


@pytest.mark.parametrize("step", [ONE_HOT, OrdinalEncoder()], ids=["unknown", "refused"])
def test_numbers_beside_a_category_are_no_member(step):
    rooms = np.where(np.isnan(COLUMNS["rooms"]), 3.0, COLUMNS["rooms"])
    known = {**COLUMNS, "rooms": rooms}
    steps = ColumnTransformer([("n", step, ["rooms"]), ("t", ONE_HOT, TEXTS)])
    model = make_pipeline(steps, Ridge()).fit(frame_of(INPUTS, known), Y)
    exported = export(model, None, task="regression", inputs=INPUTS, columns=known)
    probes = [3.0, np.nextafter(3.0, 9.0), -0.0, 2.0**53, 5e-324, np.nan, np.inf]
    rows = {k: list(v[:7]) for k, v in known.items()} | {"rooms": probes}
    answers = open_scorer("onnx", exported.payload, n_columns=4).raw(
        exported.encoder.transform(rows)
    )
    for place in range(7):
        one = frame_of(INPUTS, {k: v[place : place + 1] for k, v in rows.items()})
        try:
            native = raw_scores(model, one)
        except ValueError:
            assert np.isnan(answers[place]).all()
        else:
            assert compare(native, answers[place : place + 1]).within(1e-12)


@pytest.mark.parametrize("gone", [-1.0, 3])
def test_a_number_may_stand_for_missing_ones(gone):
    known = {**COLUMNS, "area": np.nan_to_num(COLUMNS["area"], nan=-1.0)}
    known["rooms"] = np.nan_to_num(COLUMNS["rooms"], nan=3.0)
    imputer = SimpleImputer(missing_values=gone, strategy="median", add_indicator=True)
    model = make_pipeline(around(imputer, ONE_HOT), DecisionTreeRegressor(random_state=0))
    model.fit(frame_of(INPUTS, known), Y)
    exported = export(model, None, task="regression", inputs=INPUTS, columns=known)
    scorer = open_scorer("onnx", exported.payload, n_columns=4)
    native = raw_scores(model, frame_of(INPUTS, known))
    assert compare(native, scorer.raw(exported.encoder.transform(known))).within(0.0)
    first = {k: list(v[:1]) for k, v in known.items()} | {"area": [np.nan]}
    assert np.isnan(scorer.raw(exported.encoder.transform(first))).all()
    with pytest.raises(ValueError, match="contains NaN"):
        model.predict(frame_of(INPUTS, first))


def test_a_column_of_texts_without_any_is_left_out():
    none = {**COLUMNS, "style": [None] * len(Y)}
    imputer = SimpleImputer(missing_values=None, strategy="most_frequent")
    model = make_pipeline(around(ready(), make_pipeline(imputer, ONE_HOT)), Ridge())
    model.fit(frame_of(INPUTS, none), Y)
    exported = export(model, None, task="regression", inputs=INPUTS, columns=none)
    assert compared(model, exported).within(1e-12)


def test_a_table_that_would_be_too_large_keeps_the_pipeline_native(monkeypatch):
    monkeypatch.setattr(transformers, "_LARGEST", 50)
    model = make_pipeline(around(ready(), ONE_HOT), Ridge()).fit(FRAME, Y)
    exported = export(model, None, task="regression", inputs=INPUTS, columns=COLUMNS)
    assert exported.format == "skops"
    assert "OneHotEncoder makes" in exported.reason


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "last", [LogisticRegression(max_iter=500), RandomForestClassifier(5, random_state=0)]
)
@pytest.mark.parametrize("texts", [ONE_HOT, TargetEncoder(random_state=0)])
def test_classifiers_agree(n_classes, last, texts):
    y = np.digitize(Y, np.quantile(Y, np.linspace(0, 1, n_classes + 1)[1:-1]))
    model = make_pipeline(around(ready(), texts), last).fit(FRAME, y)
    task = "binary" if n_classes == 2 else "multiclass"
    exported = export(model, None, task=task, inputs=INPUTS, columns=COLUMNS)
    assert compared(model, exported).within(1e-12)


def test_an_unknown_category_that_the_pipeline_refuses_gets_no_finite_answer():
    model = make_pipeline(around(ready(), OneHotEncoder()), Ridge()).fit(FRAME, Y)
    exported = export(model, None, task="regression", inputs=INPUTS, columns=COLUMNS)
    scorer = open_scorer("onnx", exported.payload, n_columns=4)
    rows = {**{k: v[:3] for k, v in COLUMNS.items()}, "zone": ["z1", "z1", "nowhere"]}
    answers = scorer.raw(exported.encoder.transform(rows))
    assert np.isfinite(answers[:2]).all()
    assert np.isnan(answers[2]).all()
    with pytest.raises(ValueError, match="unknown categories"):
        model.predict(frame_of(INPUTS, rows))


@pytest.mark.parametrize("threshold", [0.0, 1.0], ids=["dense", "sparse"])
@pytest.mark.parametrize(
    "last",
    [GradientBoostingRegressor(n_estimators=5), RandomForestRegressor(5), Ridge()],
    ids=lambda last: type(last).__name__,
)
def test_a_first_missing_number_gets_no_answer_where_the_pipeline_refuses_it(last, threshold):
    known = {**COLUMNS, "area": np.nan_to_num(COLUMNS["area"]), "rooms": np.full(len(Y), 3.0)}
    side_by_side = around("passthrough", ONE_HOT).set_params(sparse_threshold=threshold)
    model = make_pipeline(side_by_side, last).fit(frame_of(INPUTS, known), Y)
    exported = export(model, None, task="regression", inputs=INPUTS, columns=known)
    scorer = open_scorer("onnx", exported.payload, n_columns=4)
    rows = {k: list(v[:2]) for k, v in known.items()} | {"area": [900.0, np.nan]}
    answers = scorer.raw(exported.encoder.transform(rows))
    assert np.isfinite(answers[0]).all()
    assert exported.edges.missing, "it is asked when the graph is held to the fit"
    try:
        native = raw_scores(model, frame_of(INPUTS, rows))
    except ValueError:
        assert np.isnan(answers[1]).all()
    else:
        assert compare(native, answers).within(1e-12)


def test_no_text_is_taken_for_one_that_stands_for_all_others():
    zones = [OTHER if zone == "z1" else zone for zone in COLUMNS["zone"]]
    given = {**COLUMNS, "zone": zones}
    frame = frame_of(INPUTS, given)
    model = make_pipeline(around(ready(), ONE_HOT), Ridge()).fit(frame, Y)
    exported = export(model, None, task="regression", inputs=INPUTS, columns=given)
    scorer = open_scorer("onnx", exported.payload, n_columns=4)
    rows = {k: v[:3] for k, v in COLUMNS.items()} | {"zone": [OTHER, OTHER * 2, "z2"]}
    matrix = exported.encoder.transform(rows)
    assert compare(raw_scores(model, frame_of(INPUTS, rows)), scorer.raw(matrix)).within(1e-12)
    assert decoded(exported.encoder, matrix)["zone"] == [OTHER, OTHER * 2, "z2"]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (make_pipeline(around(ready(), ONE_HOT), SelectKBest(k=3), Ridge()), "SelectKBest"),
        (
            make_pipeline(around(FunctionTransformer(np.log1p), ONE_HOT), SimpleImputer(), Ridge()),
            "a function of its own",
        ),
        (
            make_pipeline(SimpleImputer(strategy="most_frequent"), ONE_HOT, Ridge()),
            "texts and numbers at once",
        ),
        (
            StackingRegressor(
                [("a", make_pipeline(around(ready(), ONE_HOT), Ridge()))],
                final_estimator=make_pipeline(ONE_HOT, Ridge()),
                passthrough=True,
                cv=2,
            ),
            "passes texts on",
        ),
    ],
    ids=["unknown step", "function", "imputer of both", "texts passed on"],
)
def test_a_step_that_is_not_known_keeps_the_pipeline_native(model, reason):
    model.fit(FRAME, Y)
    exported = export(model, None, task="regression", inputs=INPUTS, columns=COLUMNS)
    assert (exported.format, exported.encoder) == ("skops", None)
    assert reason in exported.reason


FITTED = PIPELINES["infrequent"].fit(FRAME, Y)
EXPORTED = export(FITTED, None, task="regression", inputs=INPUTS, columns=COLUMNS)
SCORER = open_scorer("onnx", EXPORTED.payload, n_columns=4)
NUMBER = st.floats(-1e6, 1e6) | st.just(np.nan)
TEXT = st.sampled_from(["z1", "z2", "z3", "z9", "loft", "never", OTHER, None])


@given(st.lists(st.tuples(NUMBER, NUMBER, TEXT, TEXT), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_row_agrees(rows):
    made = dict(
        zip(("area", "rooms", "style", "zone"), map(list, zip(*rows, strict=True)), strict=True)
    )
    native = raw_scores(FITTED, frame_of(INPUTS, made))
    assert compare(native, SCORER.raw(EXPORTED.encoder.transform(made))).within(1e-12)
