"""No check passes on a measurement with a hole in it: each part by itself, and what is said of it.

That no check there is passes on what is spoiled altogether is in test_nothing_passes.py.
"""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.digest import canonical_json
from interlock.evaluate.predicted import Predicted
from interlock.gates.data.coverage import SegmentCoverage
from interlock.gates.data.freshness import Fresh
from interlock.gates.data.gate import data_gate
from interlock.gates.data.labels import LabelDelay
from interlock.gates.data.leakage import NoLeakage
from interlock.gates.data.outliers import OutlierLimits
from interlock.gates.data.rows import MaxMissing, MaxViolations, MinRows
from interlock.gates.data.shift import Drift, Integrity
from interlock.gates.gate import answered, run
from interlock.gates.model.absolute import Above, Below, Between
from interlock.gates.model.baselines import BeatsBaselines
from interlock.gates.model.behaviour import Directional, Invariant
from interlock.gates.model.calibration import Calibrated
from interlock.gates.model.champion import BetterThanChampion, NoWorseThanChampion
from interlock.gates.model.coverage import IntervalCoverage
from interlock.gates.model.expect import Expect
from interlock.gates.model.fairness import Fair
from interlock.gates.model.gate import compares
from interlock.gates.model.measurement import WinnerMeasurement
from interlock.gates.model.slices import Slices
from interlock.gates.model.tried import Expected, Tried
from interlock.gates.model.tuning import TuneAgrees
from interlock.gates.model.width import IntervalWidth
from interlock.gates.service import measurement as service
from interlock.gates.service.form import Form
from interlock.gates.service.gate import service_gate
from interlock.gates.service.latency import P99Below
from interlock.gates.service.measurement import LatencyWindow
from interlock.verdict import Verdict

DATA = (
    *data_gate(
        [
            MinRows(5_000),
            Fresh("2d"),
            MaxViolations("price", 0.01),
            MaxMissing("price", 0.1),
            Drift(blocking=True),
            Integrity(blocking=True),
            LabelDelay(blocking=True),
            SegmentCoverage("zone"),
        ]
    ),
    OutlierLimits(("price",)),
)
MODEL = (
    Below("mdape", 0.15),
    Above("within_10", 0.40),
    Between("prd", 0.97, 1.05),
    BeatsBaselines(),
    NoWorseThanChampion(0.005),
    BetterThanChampion(),
)
BEHAVIOUR = (
    Directional("full_baths", add=1, never_lowers_by="2%"),
    Invariant("full_baths", values=[2], tolerance="5%"),
    Expect({"full_baths": 1}, at_least=90_000, at_most=200_000),
)
PARTS = (
    Slices(by="where", limit=0.15),
    Slices(by=["where", "size"], margin="60%", than="overall"),
    Slices(margin="20%"),
    IntervalCoverage(),
    IntervalCoverage(at_least=0.6, by=["where", "size"]),
    IntervalWidth("40%"),
    IntervalWidth(10**6, by="where"),
    Fair("where", "mdape", max_difference=0.05),
    Fair("where", min_ratio=0.4),
    TuneAgrees(),
)
CLASSES = (
    Calibrated(),
    Slices(by="where", margin="20%", than="overall"),
    Fair("where", "selection_rate", max_difference=0.1),
    Fair("where", "equalized_odds", min_ratio=0.6),
    Fair("where", max_difference=0.1),
)
SERVICE = service_gate([P99Below("20ms")], Form.FULL)
BAD = (math.nan, math.inf, -math.inf, None, -1, "many")
within = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _shut(gate, measurement):
    """The gate is shut, its result can be written down, and the checks that did not open."""
    result = run("gate", gate, measurement)
    canonical_json(result.to_row())
    assert not result.opens
    assert result.verdict is not Verdict.PASSED
    return [check for check in result.checks if not check.opens]


def test_sound_measurements_open_every_gate(sound_data, sound_model, sound_service):
    for gate, sound in ((DATA, sound_data), (MODEL, sound_model), (SERVICE, sound_service)):
        result = run("gate", gate, sound)
        assert [c.name for c in result.checks if not c.opens] == []
        assert result.opens
        canonical_json(result.to_row())


MUST_BE_NUMBERS = (
    "rows_read",
    "rows_usable",
    "duplicates",
    "newest_event",
    "as_of",
)


@pytest.mark.parametrize("name", MUST_BE_NUMBERS)
@pytest.mark.parametrize("bad", BAD)
def test_the_data_gate_stays_shut_on_a_bad_number(sound_data, name, bad):
    if name == "newest_event" and bad == -1:
        bad = 200 * 86_400_000_000  # -1 µs is a real instant; the future is not
    assert _shut(DATA, replace(sound_data, **{name: bad}))


@pytest.mark.parametrize("name", ["quarantined", "feature_failures", "violations", "part_rows"])
@pytest.mark.parametrize("bad", [{"price": bad, "test": bad} for bad in BAD])
def test_the_data_gate_stays_shut_on_a_bad_count(sound_data, name, bad):
    assert _shut(DATA, replace(sound_data, **{name: bad}))


@pytest.mark.parametrize("name", ["quarantined", "feature_failures", "violations", "part_rows"])
def test_the_data_gate_stays_shut_without_its_counts(sound_data, name):
    assert _shut(DATA, replace(sound_data, **{name: None}))


HOLES = [
    *((MaxMissing("price", 0.1), path) for path in ("missing.price", "rows_kept", "missing")),
    *((NoLeakage(), f"inputs.revealed.{k}.{name}") for k in (0, 1) for name in ("strength", "n")),
    *((NoLeakage(), path) for path in ("inputs", "inputs.revealed", "inputs.target_varies")),
    *(
        (NoLeakage(), f"absences.0.{name}")
        for name in ("missing_with", "rows_with", "missing_without", "rows_without")
    ),
    (NoLeakage(), "absences"),
    *(
        (Drift(blocking=True), f"inputs.drift.{k}.shift.{name}")
        for k in (0, 1)
        for name in ("psi", "p", "rows_now", "rows_before", "bins")
    ),
    *((Drift(), path) for path in ("inputs", "inputs.drift", "inputs.has_champion")),
    *(
        (Integrity(blocking=True), f"inputs.faults.{k}.{name}")
        for k in range(4)
        for name in ("share", "reference", "rows", "reference_rows")
    ),
    *((Integrity(), path) for path in ("inputs", "inputs.faults", "inputs.has_champion")),
    *(
        (LabelDelay(blocking=True), f"label_times.{name}")
        for name in ("rows", "waiting", "newest", "newest_without", "older", "older_without")
    ),
    *((LabelDelay(), f"label_times.measured.{name}") for name in ("n", "late")),
    (LabelDelay(), "label_times"),
]


def _planted(whole, path, bad):
    """The measurement with one part, named by its path, replaced."""
    name, _, rest = path.partition(".")
    if isinstance(whole, tuple):
        k = int(name)
        return (*whole[:k], _planted(whole[k], rest, bad) if rest else bad, *whole[k + 1 :])
    if isinstance(whole, dict):
        return whole | {name: bad}
    part = _planted(getattr(whole, name), rest, bad) if rest else bad
    return replace(whole, **{name: part})


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(("check", "path"), HOLES)
def test_no_check_of_the_data_gate_passes_over_a_hole(sound_data, check, path, bad):
    sound = run("data", [check], sound_data).checks
    found = run("data", [check], _planted(sound_data, path, bad))
    canonical_json(found.to_row())
    assert all(answer.verdict is Verdict.PASSED for answer in sound)
    assert any(answer.verdict is Verdict.ERROR for answer in found.checks)


@pytest.mark.parametrize(
    ("check", "path", "empty"),
    [
        (NoLeakage(), "inputs.revealed", ()),
        (NoLeakage(), "absences", ()),
        (NoLeakage(), "inputs.target_varies", False),
        (Drift(), "inputs.drift", ()),
        (Drift(), "inputs.problem", "no profile"),
        (Integrity(), "inputs.faults", ()),
        (Integrity(), "inputs.problem", "no profile"),
        (MaxMissing("price", 0.1), "missing", {}),
    ],
)
def test_nothing_looked_at_never_passes(sound_data, check, path, empty):
    found = run("data", [check], _planted(sound_data, path, empty))
    assert any(answer.verdict is Verdict.ERROR for answer in found.checks)


@pytest.mark.parametrize("name", ["rows", "uncovered"])
@pytest.mark.parametrize("bad", [*BAD, 100_001])
def test_segment_coverage_stays_shut_on_a_bad_count(sound_data, name, bad):
    ((key, count),) = sound_data.coverage.items()
    if name == "rows" and bad == 100_001:
        bad = 0
    changed = replace(sound_data, coverage={key: replace(count, **{name: bad})})
    assert len(_shut(DATA, changed)) == 1


@pytest.mark.parametrize("bad", [None, {}])
def test_segment_coverage_and_limits_stay_shut_without_their_counts(sound_data, bad):
    assert len(_shut(DATA, replace(sound_data, coverage=bad))) == 1
    assert len(_shut(DATA, replace(sound_data, outlier_values=bad))) == 1


@pytest.mark.parametrize("bad", [*BAD, 29])
def test_outlier_limits_stay_shut_on_a_bad_count(sound_data, bad):
    assert len(_shut(DATA, replace(sound_data, outlier_values={"price": bad}))) == 1


@given(place=st.integers(0, 999), bad=st.sampled_from([math.nan, math.inf, -math.inf]))
@within
def test_one_bad_prediction_shuts_every_check_of_that_model(sound_model, place, bad):
    for name in ("boosting", "median"):
        spoiled = sound_model.predictions[name].copy()
        spoiled[place] = bad
        shut = _shut(
            MODEL,
            replace(sound_model, predictions={**sound_model.predictions, name: spoiled}),
        )
        expected = {"beats baseline median"}
        if name == "boosting":
            expected |= {"mdape below 15 %", "within_10 above 40 %", "prd between 0.97 and 1.05"}
        if name == "boosting" and place >= 400:
            expected |= {"no worse than champion", "better than champion"}
        assert {check.name for check in shut} == expected
        assert {check.verdict for check in shut} == {Verdict.ERROR}


@given(place=st.integers(0, 999), bad=st.sampled_from([math.nan, math.inf, -math.inf]))
@within
def test_one_bad_truth_shuts_the_gate(sound_model, place, bad):
    y = sound_model.y.copy()
    y[place] = bad
    shut = {check.name for check in _shut(MODEL, replace(sound_model, y=y))}
    assert {"mdape below 15 %", "within_10 above 40 %", "beats baseline median"} <= shut


def test_a_bad_champion_shuts_the_champions_checks(sound_model):
    champion = sound_model.champion_prediction.copy()
    champion[399] = math.nan  # not compared
    assert run("gate", MODEL, replace(sound_model, champion_prediction=champion)).opens
    champion[400] = math.nan
    shut = _shut(MODEL, replace(sound_model, champion_prediction=champion))
    assert {check.name for check in shut} == {"no worse than champion", "better than champion"}


def _empty(m):
    return replace(
        m,
        y=np.array([]),
        predictions={name: np.array([]) for name in m.predictions},
        champion_prediction=np.array([]),
        champion_rows=np.array([], dtype=bool),
    )


def _constant(m):
    """Every model is right everywhere, because nothing ever happens."""
    same = np.full(1_000, 5.0)
    return replace(
        m, y=same, predictions=dict.fromkeys(m.predictions, same), champion_prediction=same
    )


def _few(m):
    return replace(
        m,
        y=m.y[:60],
        predictions={name: p[:60] for name, p in m.predictions.items()},
        champion_prediction=m.champion_prediction[:60],
        champion_rows=np.ones(60, dtype=bool),
    )


@pytest.mark.parametrize(
    "spoil",
    [
        _empty,
        _constant,
        _few,
        lambda m: replace(m, predictions={}),
        lambda m: replace(m, y=None),
        lambda m: replace(m, predictions=None),
        lambda m: replace(m, winner="nobody"),
        lambda m: replace(m, predictions={k: p[:-1] for k, p in m.predictions.items()}),
        lambda m: replace(m, predictions={k: p[:, None] for k, p in m.predictions.items()}),
        lambda m: replace(m, predictions=dict.fromkeys(m.predictions, np.full(1_000, 2e5))),
        lambda m: replace(m, clusters=np.zeros(1_000)),
        lambda m: replace(m, clusters=np.arange(1_000) % 20),
        lambda m: replace(m, clusters=np.zeros(3)),
        lambda m: replace(m, seed=-1),
    ],
)
def test_no_check_of_the_model_gate_passes_on_spoiled_rows(sound_model, spoil):
    assert len(_shut(MODEL, spoil(sound_model))) == 6
    assert len(_shut(PARTS, spoil(sound_model))) == len(PARTS)


def test_sound_classes_open_the_gate(sound_classes):
    assert [c.reason for c in run("gate", CLASSES, sound_classes).checks if not c.opens] == []


@given(place=st.integers(0, 5_999), bad=st.sampled_from([math.nan, math.inf, -math.inf, -0.1, 1.1]))
@within
def test_one_bad_probability_shuts_every_check_of_classes(sound_classes, place, bad):
    values = sound_classes.predictions["boosting"].values.copy()
    values[place] = [1 - bad, bad]
    spoiled = replace(sound_classes, predictions={"boosting": Predicted.of(values)})
    shut = {check.name: check.verdict for check in _shut(CLASSES, spoiled)}
    if math.isfinite(bad):  # an answer was given all the same, and rates are about answers
        for check in CLASSES[2:4]:
            shut[check.judge(spoiled)[0].name] = Verdict.ERROR
    assert set(shut.values()) == {Verdict.ERROR}
    assert len(shut) == len(CLASSES)


def _one_class(m):
    return replace(m, y=np.ones(6_000))


def _never_said(m):
    values = np.tile([0.7, 0.3], (6_000, 1)) + np.linspace(-0.1, 0.1, 6_000)[:, None] * [1, -1]
    return replace(m, predictions={"boosting": Predicted.of(values)})


def _one_group(m):
    return replace(m, columns={"where": ["town"] * 6_000})


@pytest.mark.parametrize(
    ("spoil", "count"),
    [
        (lambda m: replace(m, y=np.array([])), 5),
        (_one_class, 5),
        (_never_said, 2),
        (_one_group, 3),
        (lambda m: replace(m, columns={}), 4),
        (lambda m: replace(m, predictions={}), 5),
        (lambda m: replace(m, predictions={"boosting": m.y}), 5),
        (lambda m: replace(m, predictions={"boosting": m.predictions["boosting"][:-1]}), 5),
        (lambda m: replace(m, clusters=np.arange(6_000) % 20), 5),
        (lambda m: replace(m, seed=-1), 5),
    ],
)
def test_no_check_of_classes_passes_on_spoiled_rows(sound_classes, spoil, count):
    assert len(_shut(CLASSES, spoil(sound_classes))) >= count


def test_sound_parts_open_the_gate(sound_model):
    assert [c.reason for c in run("gate", PARTS, sound_model).checks if not c.opens] == []


@given(place=st.integers(400, 999), bad=st.sampled_from([math.nan, math.inf, -math.inf]))
@within
def test_one_bad_prediction_or_truth_shuts_every_check_of_parts(sound_model, place, bad):
    spoiled = sound_model.predictions["boosting"].copy()
    spoiled[place] = bad
    predictions = {**sound_model.predictions, "boosting": spoiled}
    y = sound_model.y.copy()
    y[place] = bad
    for measurement in (replace(sound_model, predictions=predictions), replace(sound_model, y=y)):
        assert {c.verdict for c in _shut(PARTS, measurement)} == {Verdict.ERROR}
        assert len(_shut(PARTS, measurement)) == len(PARTS)


@pytest.mark.parametrize("bad", [None, {}, {"where": []}, {"where": None, "size": 5}])
def test_parts_stay_shut_without_their_columns(sound_model, bad):
    cut = [check for check in PARTS if getattr(check, "by", ()) or isinstance(check, Slices)]
    assert len(_shut(cut, replace(sound_model, columns=bad))) == len(cut)


@given(
    end=st.sampled_from(["low", "high"]),
    place=st.integers(0, 999),
    bad=st.sampled_from([math.nan, math.inf, -math.inf]),
)
@within
def test_one_bad_end_shuts_the_checks_of_intervals(sound_model, end, place, bad):
    spoiled = getattr(sound_model, end).copy()
    spoiled[place] = bad
    intervals = [check for check in PARTS if isinstance(check, IntervalCoverage | IntervalWidth)]
    shut = _shut(intervals, replace(sound_model, **{end: spoiled}))
    assert {c.verdict for c in shut} == {Verdict.ERROR}
    assert len(shut) == len(intervals)


def _with_behaviour(measurement, **changes):
    """The measurement with sound answers to what BEHAVIOUR asks, but for the changes."""
    parts = {
        "before": np.full(500, 1e5),
        "after": np.full(500, 1.01e5),
        "rows": np.arange(500),
        "requests": {"full_baths": [1] * 500},
        "became": [2] * 500,
    }
    tried = Tried(**(parts | changes))
    expected = {BEHAVIOUR[2].key: Expected(value=1e5, answered=1e5)}
    return replace(
        measurement, behaviour={check.key: tried for check in BEHAVIOUR[:2]}, expected=expected
    )


def test_sound_behaviour_opens_the_gate(sound_model):
    assert run("gate", BEHAVIOUR, _with_behaviour(sound_model)).opens


@given(
    name=st.sampled_from(["before", "after"]),
    place=st.integers(0, 499),
    bad=st.sampled_from([math.nan, math.inf, -math.inf]),
)
@within
def test_one_bad_answer_shuts_the_behaviour_checks(sound_model, name, place, bad):
    spoiled = np.full(500, 1e5)
    spoiled[place] = bad
    shut = _shut(BEHAVIOUR, _with_behaviour(sound_model, **{name: spoiled}))
    assert [check.verdict for check in shut] == [Verdict.ERROR] * 2


@pytest.mark.parametrize("name", ["before", "after", "rows", "requests", "became", "units"])
@pytest.mark.parametrize("bad", [None, np.array([]), np.zeros(3), "many", -1])
def test_behaviour_stays_shut_on_answers_with_a_hole(sound_model, name, bad):
    if name == "units" and bad is None:
        return  # rows are independent
    measurement = _with_behaviour(sound_model, **{name: bad})
    if name == "requests":  # words, for people; looked at where a rule is broken
        measurement = _with_behaviour(sound_model, requests=bad, after=np.full(500, 9e4))
    assert len(_shut(BEHAVIOUR, measurement)) == 2


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, "many"])
def test_an_example_without_a_number_stays_shut(sound_model, value):
    expected = {BEHAVIOUR[2].key: Expected(value=value, answered=value)}
    measurement = replace(_with_behaviour(sound_model), expected=expected)
    assert {check.verdict for check in _shut(BEHAVIOUR, measurement)} == {Verdict.ERROR}


def test_behaviour_that_was_not_asked_stays_shut(sound_model):
    assert len(_shut(BEHAVIOUR, sound_model)) == 3


SERVICE_HOLES = [
    (field.name, bad)
    for field in fields(service.ServiceMeasurement)
    for bad in BAD
    if field.name != "differences"  # words, for people
    and (field.name, bad) != ("worst_feature_difference", None)  # mismatches are counted
    and (field.name, bad) != ("unrecomputed", None)  # no exemption
    and (field.name, bad) != ("uncontracted", None)
]


@pytest.mark.parametrize(("name", "bad"), SERVICE_HOLES)
def test_the_service_gate_stays_shut_on_a_bad_number(sound_service, name, bad):
    assert _shut(SERVICE, replace(sound_service, **{name: bad}))


@pytest.mark.parametrize(
    "name",
    [
        "rows_compared",
        "features_compared",
        "edge_rows_compared",
        "oracle_values",
        "orders_compared",
    ],
)
def test_nothing_compared_never_passes(sound_service, name):
    shut = _shut(SERVICE, replace(sound_service, **{name: 0}))
    assert [check.verdict for check in shut] == [Verdict.ERROR]


@given(
    place=st.integers(0, 9),
    bad=st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.001, None]),
)
@within
def test_one_bad_window_shuts_the_latency_check(sound_service, place, bad):
    windows = list(sound_service.latency_windows)
    windows[place] = LatencyWindow(n=150, p50_seconds=0.001, p99_seconds=bad)
    shut = _shut(SERVICE, replace(sound_service, latency_windows=tuple(windows)))
    assert [check.verdict for check in shut] == [Verdict.ERROR]


@pytest.mark.parametrize("check", [*MODEL, *PARTS, *BEHAVIOUR], ids=lambda c: type(c).__name__)
def test_no_check_that_is_asked_without_a_champion_looks_at_one(sound_model, check):
    """What one says of the winner is kept while releases come and go; all others must compare."""
    whole = _with_behaviour(sound_model)
    known = {one.name: getattr(whole, one.name) for one in fields(WinnerMeasurement)}
    alone = answered(check, WinnerMeasurement(**known))
    if compares(check):
        assert {answer.verdict for answer in alone} == {Verdict.ERROR}
    else:
        assert alone == answered(check, whole)
        assert {answer.verdict for answer in alone} == {Verdict.PASSED}
