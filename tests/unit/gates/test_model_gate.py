from dataclasses import replace

import numpy as np
import pytest

from interlock.errors import AuthorError
from interlock.evaluate.custom import CustomMetric, metric
from interlock.evaluate.metrics import format_value, metric_named
from interlock.evaluate.predicted import Predicted, Rows
from interlock.gates.gate import run
from interlock.gates.model.absolute import Above, Below, Between
from interlock.gates.model.baselines import BeatsBaselines, NoBaselineOnTop
from interlock.gates.model.champion import BetterThanChampion, NoWorseThanChampion
from interlock.gates.model.gate import ALWAYS_ON, DEFAULT_MODEL_GATE, model_gate
from interlock.gates.model.slices import Slices
from interlock.report.phrases import facts
from interlock.verdict import Exemption, Verdict

RNG = np.random.default_rng(5)
SKEW = replace(metric_named("median_relative_error"), name="skew")


@metric(better="lower", unit="USD", resamples=200)
def weighted_cost(y_true, y_pred, rows):
    return np.average(np.abs(y_pred / y_true - 1), weights=rows["weight"])


def _one(check, measurement):
    (found,) = run("model gate", [check], measurement).checks
    return found


def _with(measurement, **predictions):
    return replace(measurement, predictions={**measurement.predictions, **predictions})


def test_an_absolute_limit_goes_by_the_whole_interval(sound_model):
    found = _one(Below("mdape", 0.15), sound_model)
    assert (found.verdict, found.n, found.unit) == (Verdict.PASSED, 1_000, "%")
    value, high = found.measured, found.interval.high
    assert found.interval.low < value < high < 0.15
    doubtful = _one(Below("mdape", (value + high) / 2), sound_model)
    assert doubtful.verdict is Verdict.INCONCLUSIVE
    assert doubtful.evidence["code"] == "M208"
    assert 3_000 < doubtful.evidence["rows_needed"] < 5_000  # half the distance, four times n
    assert _one(Below("mdape", found.interval.low * 0.99), sound_model).verdict is Verdict.FAILED


def test_the_words_of_an_inconclusive_limit(sound_model):
    found = _one(Above("within_10", 0.68), sound_model)
    assert found.verdict is Verdict.INCONCLUSIVE
    low, high = found.interval.low * 100, found.interval.high * 100
    assert found.reason == (
        f"measured {found.measured * 100:.4g} %, 95 % interval {low:.4g} % to {high:.4g} %, "
        f"must be ≥ 68 %; about {found.evidence['rows_needed']:,} rows would decide, "
        "there are 1,000"
    )


def test_a_winner_beats_every_baseline(sound_model):
    close = sound_model.predictions["boosting"] * RNG.lognormal(0, 0.01, 1_000)
    measurement = replace(_with(sound_model, close=close), baselines=("median", "close"))
    found = run("model gate", [BeatsBaselines()], measurement).checks
    assert [check.name for check in found] == ["beats baseline median", "beats baseline close"]
    assert found[0].verdict is Verdict.PASSED
    assert found[0].interval.high < 0
    assert found[1].verdict in (Verdict.INCONCLUSIVE, Verdict.FAILED)


def test_a_baseline_on_top_fails_the_gate(sound_model):
    measurement = _with(sound_model, median=sound_model.y * 1.001)
    found = _one(BeatsBaselines(), measurement)
    assert (found.verdict, found.evidence["code"]) == (Verdict.FAILED, "M205")
    value = found.evidence["candidate_value"] * 100
    assert found.reason == (
        f"the baseline median scores best: mdape 0.1 %, boosting {value:.4g} %; "
        "a baseline never becomes champion"
    )
    found = _one(BeatsBaselines(), replace(sound_model, winner="median"))
    assert found.verdict is Verdict.FAILED
    assert found.reason == "the baseline median scored best; a baseline never becomes champion"


def test_a_copy_of_a_baseline_does_not_beat_it(sound_model):
    copy = _with(sound_model, boosting=sound_model.predictions["median"])
    assert _one(BeatsBaselines(), copy).verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"baselines": ()}, "no baseline was scored"),
        ({"baselines": ("mean",)}, "the baseline mean was not scored on the test rows"),
        ({"winner": "ridge"}, "ridge was not scored on the test rows"),
    ],
)
def test_a_baseline_that_was_not_scored_is_an_error(sound_model, change, reason):
    found = _one(BeatsBaselines(), replace(sound_model, **change))
    assert (found.verdict, found.reason) == (Verdict.ERROR, reason)


@pytest.mark.parametrize("check", [NoWorseThanChampion(), BetterThanChampion()])
class TestChampion:
    def test_the_first_release_has_none(self, sound_model, check):
        first = replace(sound_model, champion=None, champion_prediction=None, champion_rows=None)
        found = _one(check, first)
        assert (found.verdict, found.exemption) == (
            Verdict.NOT_APPLICABLE,
            Exemption.NO_CHAMPION,
        )
        assert found.opens

    def test_one_that_could_not_be_scored_is_an_error(self, sound_model, check):
        found = _one(
            check,
            replace(sound_model, champion_prediction=None, champion_reason="the bundle is gone"),
        )
        assert (found.verdict, found.exemption) == (Verdict.ERROR, None)
        assert found.reason == "the champion could not be scored: the bundle is gone"

    def test_one_that_no_longer_fits_is_inconclusive(self, sound_model, check):
        moved_on = replace(
            sound_model, champion_prediction=None, champion_reason="no area", champion_unfit=True
        )
        found = _one(check, moved_on)
        assert (found.verdict, found.exemption, found.opens) == (Verdict.INCONCLUSIVE, None, False)
        assert found.reason == "the champion no longer fits: no area"
        assert found.evidence == {"code": "M210", "champion": sound_model.champion}

    def test_where_it_is_declared_the_misfit_is_exempt_and_recorded(self, sound_model, check):
        moved_on = replace(
            sound_model, champion_prediction=None, champion_reason="no area", champion_unfit=True
        )
        found = _one(replace(check, unfit="exempt"), moved_on)
        assert (found.verdict, found.exemption) == (
            Verdict.NOT_APPLICABLE,
            Exemption.UNFIT_CHAMPION,
        )
        assert found.opens
        assert found.reason == "the champion no longer fits: no area"

    def test_the_exemption_is_for_misfits_alone(self, sound_model, check):
        declared = replace(check, unfit="exempt")
        broken = replace(sound_model, champion_prediction=None, champion_reason="it crashed")
        assert _one(declared, broken).verdict is Verdict.ERROR
        few = replace(sound_model, champion_rows=np.arange(1_000) >= 801)
        assert _one(declared, few).verdict is Verdict.INCONCLUSIVE
        assert _one(declared, replace(sound_model, champion_unfit=True)) == _one(
            check, sound_model
        ), "one that was scored is judged"

    @pytest.mark.parametrize("unfit", ["pass", "", None, True])
    def test_another_answer_is_a_mistake(self, check, unfit):
        with pytest.raises(AuthorError) as caught:
            replace(check, unfit=unfit).validate()
        assert caught.value.code == "M203"
        assert "unfit='inconclusive' or 'exempt'" in str(caught.value)

    def test_why_no_row_is_new_to_it_is_said(self, sound_model, check):
        none = replace(
            sound_model, champion_rows=np.zeros(1_000, dtype=bool), champion_reason="other units"
        )
        found = _one(check, none)
        assert (found.verdict, found.reason) == (
            Verdict.INCONCLUSIVE,
            "the champion: other units",
        )

    def test_predictions_of_no_known_champion_are_an_error(self, sound_model, check):
        assert _one(check, replace(sound_model, champion=None)).verdict is Verdict.ERROR

    @pytest.mark.parametrize("rows", [None, np.ones(3, dtype=bool), np.ones(1_000)])
    def test_unknown_rows_are_an_error(self, sound_model, check, rows):
        found = _one(check, replace(sound_model, champion_rows=rows))
        assert found.verdict is Verdict.ERROR
        assert found.reason == ("it is not known which test rows the champion has not learned from")

    def test_too_few_new_rows_are_inconclusive(self, sound_model, check):
        found = _one(check, replace(sound_model, champion_rows=np.arange(1_000) >= 801))
        assert (found.verdict, found.n) == (Verdict.INCONCLUSIVE, 199)
        away = {"not covered by it": 40}
        assert found.evidence == {"code": "M207", "rows_needed": 200, "not_compared": away}
        assert found.reason == (
            "199 test rows are newer than the champion's last training row and answered by it; "
            "at least 200 are needed"
        )

    def test_rows_that_the_champion_does_not_answer_are_counted(self, sound_model, check):
        found = _one(check, sound_model)
        assert (found.verdict, found.n) == (Verdict.PASSED, 600)
        assert found.evidence["not_compared"] == {"not covered by it": 40}
        assert "40 rows not compared: 40 not covered by it" in facts(found)
        all_compared = _one(check, replace(sound_model, champion_left_out={}))
        assert (all_compared.verdict, all_compared.interval) == (found.verdict, found.interval)
        assert "not_compared" not in all_compared.evidence

    def test_a_champion_that_answers_too_few_of_the_newer_rows_is_inconclusive(
        self, sound_model, check
    ):
        edge = {"not covered by it": 60, "refused by it": 6}  # 600 of 666 are 90.1 %
        assert _one(check, replace(sound_model, champion_left_out=edge)).opens
        away = {"not covered by it": 60, "refused by it": 7}
        found = _one(check, replace(sound_model, champion_left_out=away))
        assert (found.verdict, found.n) == (Verdict.INCONCLUSIVE, 600)
        assert found.reason == (
            "the champion can be compared on 600 of 667 newer test rows: 60 not covered by it, "
            "7 refused by it; 90 % are needed"
        )
        assert found.evidence == {"code": "M211", "not_compared": away}
        assert facts(found) == ["n 600", found.reason]

    @pytest.mark.parametrize("count", [-1, float("nan"), float("inf")])
    def test_rows_left_out_that_were_not_counted_are_an_error(self, sound_model, check, count):
        found = _one(check, replace(sound_model, champion_left_out={"refused by it": count}))
        assert (found.verdict, found.evidence["code"]) == (Verdict.ERROR, "M211")

    def test_only_rows_new_to_the_champion_count(self, sound_model, check):
        learned = np.where(
            sound_model.champion_rows, sound_model.champion_prediction, sound_model.y
        )
        found = _one(check, replace(sound_model, champion_prediction=learned))
        assert (found.verdict, found.n) == (Verdict.PASSED, 600)
        assert found == _one(check, sound_model)

    def test_a_clearly_worse_winner_fails(self, sound_model, check):
        worse = sound_model.y * RNG.lognormal(0, 0.4, 1_000)
        found = _one(check, _with(sound_model, boosting=worse))
        assert (found.verdict, found.evidence["code"]) == (Verdict.FAILED, "M206")
        assert found.evidence["reference"] == "1.3.0"


def test_rows_of_one_unit_cannot_tell(sound_model):
    alone = replace(sound_model, clusters=np.zeros(1_000, dtype=int))
    found = _one(Below("mdape", 0.15), alone)
    assert (found.verdict, found.reason) == (
        Verdict.INCONCLUSIVE,
        "all 1,000 rows are of one unit, so nothing tells how much units differ; "
        "at least 30 are needed",
    )
    sliced = _one(Slices(by="where", limit=0.15), alone)
    assert (sliced.verdict, sliced.reason) == (
        Verdict.INCONCLUSIVE,
        "no slice has 100 rows of 30 independent units: all rows of each are of one unit; "
        "about 30,000 rows would do, there are 1,000",
    )


def test_the_margin_decides_between_equals(sound_model):
    equal = _with(sound_model, boosting=sound_model.champion_prediction * 1.0001)
    assert _one(NoWorseThanChampion(0.01), equal).verdict is Verdict.PASSED
    assert _one(NoWorseThanChampion("10%"), equal).verdict is Verdict.PASSED
    assert _one(BetterThanChampion(), equal).verdict is not Verdict.PASSED


def test_a_relative_margin_is_of_the_champions_value_on_the_same_rows(sound_model):
    found = _one(NoWorseThanChampion("5%"), sound_model)
    assert found.threshold == pytest.approx(0.05 * found.evidence["reference_value"])
    assert _one(NoWorseThanChampion(), sound_model).threshold == found.threshold
    assert _one(NoWorseThanChampion(0.25), sound_model).threshold == 0.25


def test_where_higher_is_better_the_sides_change(sound_model):
    measurement = replace(sound_model, metric="within_10")
    found = _one(NoWorseThanChampion(0.02), measurement)
    assert (found.verdict, found.comparison, found.threshold) == (Verdict.PASSED, "≥", -0.02)
    assert _one(BetterThanChampion(), measurement).comparison == ">"
    assert _one(BeatsBaselines(), measurement).interval.low > 0


def test_dependent_rows_are_judged_by_their_units(sound_model):
    few = replace(sound_model, clusters=np.arange(1_000) % 29)
    found = _one(Below("mdape", 0.15), few)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reason == ("29 independent units are too few to judge by; at least 30 are needed")
    assert _one(Below("mdape", 0.15), replace(few, clusters=np.arange(1_000) % 99)).opens


def test_classes_are_judged_by_probabilities(sound_model):
    y = (RNG.random(1_000) < 0.3).astype(float)
    good = np.clip(0.3 + 0.5 * (y - 0.3) + RNG.normal(0, 0.1, 1_000), 0.01, 0.99)
    flat = np.full(1_000, 0.3)

    def odds(second):
        return np.column_stack([1 - second, second])

    measurement = replace(
        sound_model,
        metric="log_loss",
        y=y,
        predictions={"boosting": odds(good), "median": odds(flat)},
        champion_prediction=odds(flat),
    )
    gate = (Above("roc_auc", 0.8), Below("brier", 0.15), BeatsBaselines(), NoWorseThanChampion())
    assert run("model gate", gate, measurement).opens


def test_a_product_that_declares_nothing_gets_the_default_checks():
    assert (BeatsBaselines(), NoWorseThanChampion("5%")) == DEFAULT_MODEL_GATE
    assert model_gate([]) == (*DEFAULT_MODEL_GATE, *ALWAYS_ON)
    assert model_gate([Below("mae", 5)]) == (Below("mae", 5), NoBaselineOnTop(), *ALWAYS_ON)


@pytest.mark.parametrize(
    ("check", "row"),
    [
        (BeatsBaselines(), {"check": "BeatsBaselines"}),
        (
            NoWorseThanChampion(0.005),
            {"check": "NoWorseThanChampion", "margin": 0.005, "unfit": "inconclusive"},
        ),
        (Above("r2", -1), {"check": "Above", "metric": "r2", "limit": -1}),
    ],
)
def test_model_declarations_have_a_canonical_row(check, row):
    assert check.to_row() == row


@pytest.mark.parametrize(
    ("declare", "code"),
    [
        (lambda: Below("mae", float("nan")), "M203"),
        (lambda: Above("mae", float("inf")), "M203"),
        (lambda: Between("prd", float("nan"), 1), "M203"),
        (lambda: Between("prd", 1.1, 1.1), "M203"),
        (lambda: NoWorseThanChampion(-0.1), "M203"),
        (lambda: NoWorseThanChampion("some"), "M203"),
        (lambda: NoWorseThanChampion(float("inf")), "M203"),
    ],
)
def test_a_declaration_that_cannot_judge_is_refused(declare, code):
    with pytest.raises(AuthorError) as refused:
        declare().validate()
    assert refused.value.code == code


@pytest.mark.parametrize(
    "check",
    [
        Below("r2", 0.5),
        Above("mae", 5),
        Below("mae", -1),
        Below("prd", 1.1),
        Above("prd", 0.9),
        Between("prd", 1.01, 1.05),
    ],
)
def test_a_limit_that_its_metric_cannot_have_is_refused(sound_model, check):
    with pytest.raises(AuthorError) as refused:
        check.fits(metric_named(check.metric))
    assert refused.value.code == "M203"
    assert _one(check, sound_model).verdict is Verdict.ERROR


def test_a_metric_that_does_not_exist_is_an_error_of_its_check(sound_model):
    found = _one(Below("mappe", 1), sound_model)
    assert found.verdict is Verdict.ERROR
    assert found.reason == "the check crashed: AuthorError: error[M201]: no such metric"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.02, 0.02, Verdict.PASSED),
        (-0.001, 0.001, Verdict.INCONCLUSIVE),  # both ends lie within the interval
        (-0.5, 0.0, Verdict.INCONCLUSIVE),
        (0.1, 0.5, Verdict.FAILED),
        (-0.5, -0.1, Verdict.FAILED),
    ],
)
def test_between_goes_by_the_whole_interval(sound_model, low, high, verdict):
    """Of predictions that are neither too high nor too low."""
    measurement = replace(sound_model, metrics={"skew": replace(SKEW, target=None)})
    found = _one(Between("skew", low, high), measurement)
    assert (found.verdict, found.comparison) == (verdict, "in")
    assert (found.threshold, found.upper) == (low, high)
    assert found.name == f"skew between {format_value(low, '%')} and {format_value(high, '%')}"


def test_the_words_of_a_value_outside_two_limits(sound_model):
    found = _one(Between("prd", 0.5, 1.0), sound_model)
    low, high = found.interval.low, found.interval.high
    assert found.reason == (
        f"measured {found.measured:.4g}, 95 % interval {low:.4g} to {high:.4g}, "
        "must be between 0.5 and 1; "
        f"about {found.evidence['rows_needed']:,} rows would decide, there are 1,000"
    )
    assert found.evidence["code"] == "M208"


def test_a_metric_of_ones_own_is_judged_like_any_other(sound_model):
    seen = Rows({"weight": np.arange(1_000.0)})
    predicted = Predicted(sound_model.predictions["boosting"]).beside(seen)
    measurement = _with(sound_model, boosting=predicted)
    assert _one(Below(weighted_cost, 0.2), measurement).verdict is Verdict.ERROR  # not declared
    measurement = replace(measurement, metrics={"weighted_cost": weighted_cost.metric})
    found = _one(Below(weighted_cost, 0.2), measurement)
    expected = np.average(np.abs(predicted.values / sound_model.y - 1), weights=np.arange(1_000.0))
    assert found.name == "weighted_cost below 0.2 USD"
    assert (found.verdict, found.measured) == (Verdict.PASSED, pytest.approx(expected))
    assert found.interval.low < found.measured < found.interval.high
    assert (found.unit, found.evidence["resamples"]) == ("USD", 200)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda y, p, rows: 1 / 0, "ZeroDivisionError: division by zero"),
        (
            lambda y, p, rows: rows["missing"].mean(),
            "KeyError: 'missing: the rows have no columns'",
        ),
        (lambda y, p, rows: None, "None"),
        (lambda y, p, rows: True, "True"),
        (lambda y, p, rows: "many", "'many'"),
    ],
)
def test_a_metric_of_ones_own_that_fails_is_an_error_and_says_why(sound_model, function, reason):
    broken = CustomMetric(function, "lower").metric
    found = _one(Below("broken", 5), replace(sound_model, metrics={"broken": broken}))
    assert found.verdict is Verdict.ERROR
    assert found.reason == f"the metric <lambda> gave no number: {reason}"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_metric_of_ones_own_that_is_no_number_is_an_error(sound_model, value):
    broken = CustomMetric(lambda y, p, rows: value, "lower").metric
    found = _one(Below("broken", 5), replace(sound_model, metrics={"broken": broken}))
    assert found.verdict is Verdict.ERROR
    assert found.reason == "the measured value is undefined: nothing can be judged"


def test_a_metric_of_ones_own_that_fails_on_some_resamples_does_not_pass(sound_model):
    """It works on all rows, and not where the first row was not drawn: in a third of them."""

    def picky(y, p, rows):
        if not (y == sound_model.y[0]).any():
            raise ValueError("the first row is needed")
        return 1.0

    broken = CustomMetric(picky, "lower").metric
    found = _one(Below("broken", 5), replace(sound_model, metrics={"broken": broken}))
    assert found.verdict is Verdict.ERROR
    assert "the first row is needed" in found.reason


def test_the_message_of_the_wrong_side():
    with pytest.raises(AuthorError) as refused:
        Below("r2", 0.5).fits(metric_named("r2"))
    assert str(refused.value) == (
        "error[M203]: Below('r2', …) would pass bad models and fail good ones\n"
        "  expected: a metric where lower is better\n"
        "  got: r2\n"
        "  fix: write Above('r2', …)"
    )


def test_a_baseline_on_top_shuts_every_gate(sound_model):
    """Also where the product asks only for a limit; it needs no interval to be the best."""
    gate = model_gate([Below("mae", 1e9)])
    assert NoBaselineOnTop() in gate
    assert NoBaselineOnTop() not in model_gate([BeatsBaselines()])
    assert _one(NoBaselineOnTop(), sound_model).verdict is Verdict.PASSED
    predictions = {**sound_model.predictions, "median": sound_model.y}
    found = _one(NoBaselineOnTop(), replace(sound_model, predictions=predictions))
    assert found.verdict is Verdict.FAILED
    assert found.evidence["baseline_on_top"] is True
    assert found.evidence["code"] == "M205"


def test_without_baselines_none_is_on_top(sound_model):
    found = _one(NoBaselineOnTop(), replace(sound_model, baselines=()))
    assert found.exemption is Exemption.NO_BASELINE
