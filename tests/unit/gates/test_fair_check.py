from dataclasses import replace

import numpy as np
import pytest

import interlock.gates.model.fairness as fairness
from interlock.errors import AuthorError
from interlock.evaluate.predicted import Predicted
from interlock.gates.gate import run
from interlock.gates.model.calibration import Calibrated
from interlock.gates.model.fairness import Fair
from interlock.verdict import Verdict


def _one(check, measurement):
    (found,) = run("model gate", [check], measurement).checks
    return found


@pytest.fixture
def favours_the_town(sound_classes):
    """People of the town are answered yes from 0.3 on, others from 0.6."""
    odds = sound_classes.predictions["boosting"].values
    town = np.array(sound_classes.columns["where"]) == "town"
    answered = (odds[:, 1] >= np.where(town, 0.3, 0.6)).astype(int)
    return replace(sound_classes, predictions={"boosting": Predicted(odds, answered)})


def test_two_groups_that_are_treated_otherwise_are_named(favours_the_town):
    found = _one(Fair("where", "selection_rate", max_difference=0.1), favours_the_town)
    assert found.name == "selection_rate by where: difference ≤ 10 %"
    assert (found.verdict, found.evidence["code"], found.n) == (Verdict.FAILED, "M223", 6_000)
    (measure,) = found.evidence["groups"]
    values = {g["label"]: g["value"] for g in measure["groups"]}
    assert found.measured == pytest.approx(values["town"] - values["lake"])
    low, high = found.interval.low * 100, found.interval.high * 100
    assert found.reason == (
        f"selection_rate: town {values['town'] * 100:.4g} % (3,000 rows) against lake "
        f"{values['lake'] * 100:.4g} % (3,000 rows), difference {found.measured * 100:.4g} %, "
        f"95 % interval {low:.4g} % to {high:.4g} %, must be ≤ 10 %"
    )


def test_a_ratio_is_of_the_lower_to_the_higher(favours_the_town):
    found = _one(Fair("where", "selection_rate", min_ratio=0.8), favours_the_town)
    assert found.name == "selection_rate by where: ratio ≥ 0.8"
    assert found.verdict is Verdict.FAILED
    assert 0.5 < found.measured < 0.65
    assert found.interval.high < 0.8
    assert _one(Fair("where", "selection_rate", min_ratio=0.4), favours_the_town).opens


def test_equalised_odds_are_both_rates(favours_the_town):
    found = _one(Fair("where", "equalized_odds", max_difference=0.2), favours_the_town)
    assert found.name == "equalized_odds by where: difference ≤ 20 %"
    assert found.verdict is Verdict.FAILED
    assert [m["measure"] for m in found.evidence["groups"]] == [
        "true_positive_rate",
        "false_positive_rate",
    ]
    assert found.reason.startswith("false_positive_rate: town ")


def test_a_regressions_bias_by_group(sound_model):
    lake = np.array(sound_model.columns["where"]) == "lake"
    said = sound_model.predictions["boosting"] * np.where(lake, 1.2, 1.0)
    measurement = replace(sound_model, predictions={"boosting": said})
    found = _one(Fair("where", "mean_error", max_difference=10_000), measurement)
    assert (found.verdict, found.unit) == (Verdict.FAILED, "USD")
    assert found.reason.startswith("mean_error: lake ")
    ratio = _one(Fair("where", "median_ratio", max_difference=0.1), measurement)
    assert ratio.verdict is Verdict.FAILED


def test_what_cannot_be_told_is_inconclusive(sound_classes):
    found = _one(Fair("where", "selection_rate", max_difference=0.02), sound_classes)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "must be ≤ 2 %" in found.reason


def test_groups_of_too_few_rows_are_inconclusive(sound_classes):
    few = [f"village {k % 100}" if k < 900 else "town" for k in range(6_000)]
    measurement = replace(sound_classes, columns={"where": few})
    found = _one(Fair("where", "selection_rate", max_difference=0.1), measurement)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reason == (
        "only 85 % of the rows lie in groups that can be judged; 90 % are needed "
        "(100 rows, and 30 units that selection_rate is about); not judged for selection_rate, "
        "15 % of the rows: village 0 (9, too few), village 1 (9, too few), village 10 (9, too "
        "few), village 11 (9, too few), village 12 (9, too few) and 95 more"
    )
    alone = replace(sound_classes, columns={"where": ["odd"] * 50 + ["town"] * 5_950})
    found = _one(Fair("where", "selection_rate", max_difference=0.1), alone)
    assert (found.verdict, found.reason) == (
        Verdict.INCONCLUSIVE,
        "fewer than two groups have enough rows for selection_rate; not judged for "
        "selection_rate, 0.8333 % of the rows: odd (50, too few)",
    )


def test_groups_that_are_too_small_are_named_where_the_others_pass(sound_classes):
    """They hold too few of the rows to keep the check from an answer, and nothing is known."""
    few = [f"isle {k % 3}" if k < 240 else place for k, place in enumerate(["a", "b"] * 3_000)]
    measurement = replace(sound_classes, columns={"where": few})
    found = _one(Fair("where", "selection_rate", max_difference=0.15), measurement)
    assert (found.verdict, found.reason) == (
        Verdict.PASSED,
        "not judged for selection_rate, 4 % of the rows: isle 0 (80, too few), "
        "isle 1 (80, too few), isle 2 (80, too few)",
    )
    (measure,) = found.evidence["groups"]
    assert [g["label"] for g in measure["groups"] if g["reason"]] == ["isle 0", "isle 1", "isle 2"]
    failed = _one(Fair("where", "selection_rate", min_ratio=0.999), measurement)
    assert failed.verdict is Verdict.INCONCLUSIVE
    assert failed.reason.endswith(found.reason)


def test_both_rates_of_equalised_odds_need_two_groups(sound_classes):
    """The few of the village are nearly all positives: nothing is known of their false alarms."""
    y = sound_classes.y
    village = (np.cumsum(y) <= 130) & (y == 1) | (np.cumsum(1 - y) <= 20) & (y == 0)
    where = np.where(village, "village", "town").tolist()
    measurement = replace(sound_classes, columns={"where": where})
    found = _one(Fair("where", "equalized_odds", max_difference=0.5), measurement)
    assert (found.verdict, found.reason) == (
        Verdict.INCONCLUSIVE,
        "fewer than two groups have enough rows for false_positive_rate; not judged for "
        "false_positive_rate, 2.5 % of the rows: village (150, too few)",
    )


def test_every_combination_of_several_columns_is_a_group(sound_classes):
    other = np.random.default_rng(3).permutation(["old", "young"] * 3_000).tolist()
    measurement = replace(sound_classes, columns={**sound_classes.columns, "age": other})
    found = _one(Fair(["where", "age"], "selection_rate", max_difference=0.12), measurement)
    assert found.name == "selection_rate by where and age: difference ≤ 12 %"
    assert found.verdict is Verdict.PASSED
    labels = {g["label"] for g in found.evidence["groups"][0]["groups"]}
    assert labels == {"town, old", "town, young", "lake, old", "lake, young"}


def test_a_second_definition_that_disagrees_is_an_error(sound_classes, monkeypatch):
    monkeypatch.setattr(fairness, "fairlearn_values", lambda *_: {"town": 0.5, "lake": 0.25})
    found = _one(Fair("where", "selection_rate", max_difference=0.1), sound_classes)
    assert found.verdict is Verdict.ERROR
    assert "fairlearn finds" in found.reason


@pytest.mark.parametrize(
    "check",
    [
        Fair("where"),
        Fair("where", max_difference=0.1, min_ratio=0.8),
        Fair((), max_difference=0.1),
        Fair("where", max_difference=0.0),
        Fair("where", max_difference=float("nan")),
        Fair("where", min_ratio=1.0),
        Fair("where", min_ratio="80%"),
        Calibrated(0.0),
        Calibrated(0.6),
        Calibrated(float("nan")),
        Calibrated("5%"),
    ],
)
def test_limits_that_cannot_be_used(check):
    with pytest.raises(AuthorError) as error:
        check.validate()
    assert error.value.mistakes[0].code == "M203"


def test_calibration_is_judged_by_its_interval(sound_classes):
    found = _one(Calibrated(), sound_classes)
    assert (found.name, found.verdict) == ("calibration error below 5 %", Verdict.PASSED)
    assert found.interval.low == 0.0
    assert _one(Calibrated(0.015), sound_classes).verdict is Verdict.INCONCLUSIVE
    bold = sound_classes.predictions["boosting"].values ** 4
    bold = Predicted.of(bold / bold.sum(axis=1, keepdims=True))
    off = _one(Calibrated(), replace(sound_classes, predictions={"boosting": bold}))
    assert (off.verdict, off.evidence["code"]) == (Verdict.FAILED, "M224")


def test_a_regression_has_no_probabilities(sound_model):
    found = _one(Calibrated(), sound_model)
    assert (found.verdict, found.reason) == (
        Verdict.ERROR,
        "the winner answers without probabilities",
    )
