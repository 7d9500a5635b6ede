from dataclasses import replace

import numpy as np
import pytest

from interlock.errors import AuthorError
from interlock.evaluate.custom import metric
from interlock.evaluate.predicted import Predicted, Rows
from interlock.gates.gate import run
from interlock.gates.model.slices import Slices
from interlock.verdict import Exemption, Verdict

WHERE = ["town", "lake", "hill", "moor", "dell"] * 200
SIZE = np.random.default_rng(6).uniform(0, 10, 1_000)


@pytest.fixture
def measured(sound_model):
    return replace(sound_model, columns={"where": WHERE, "size": SIZE}, automatic=("where", "size"))


@pytest.fixture
def poor_at_the_lake(measured):
    """The winner errs three times as much at the lake."""
    y, boosting = measured.y, measured.predictions["boosting"]
    lake = np.array(WHERE) == "lake"
    spoiled = np.where(lake, y * (boosting / y) ** 3, boosting)
    return replace(measured, predictions={**measured.predictions, "boosting": spoiled})


def _one(check, measurement):
    (found,) = run("model gate", [check], measurement).checks
    return found


def _slices(check):
    return {f"{s['column']} = {s['label']}": s for s in check.evidence["slices"]}


def test_a_sound_model_is_good_enough_everywhere(measured):
    for check in (
        Slices(by="where", limit=0.12),
        Slices(by=["where", "size"], margin="60%", than="overall"),
        Slices(),
    ):
        found = _one(check, measured)
        assert (found.verdict, found.reason) == (Verdict.PASSED, ""), check
        assert found.measured <= found.threshold
        assert len(_slices(found)) == (5 if check.by == ("where",) else 10 if check.by else 9)


def test_the_failing_slice_is_named_with_value_interval_and_rows(poor_at_the_lake):
    found = _one(Slices(by="where", limit=0.12), poor_at_the_lake)
    assert (found.name, found.verdict) == (
        "mdape below 12 % in every slice of where",
        Verdict.FAILED,
    )
    assert (found.evidence["code"], found.n, found.unit, found.comparison) == (
        "M220",
        200,
        "%",
        "≤",
    )
    lake = _slices(found)["where = lake"]
    assert (lake["verdict"], lake["n"], lake["allowed"]) == ("failed", 200, 0.12)
    assert found.reason == (
        f"where = lake: {lake['value'] * 100:.4g} %, 95 % interval {lake['low'] * 100:.4g} % to "
        f"{lake['high'] * 100:.4g} %, must be ≤ 12 % (200 rows, q = {lake['q']:.2g})"
    )
    assert (found.measured, found.threshold) == (lake["value"], 0.12)
    assert found.interval.low > 0.12


def test_worse_than_overall(poor_at_the_lake):
    found = _one(Slices(by="where", margin="50%", than="overall"), poor_at_the_lake)
    assert found.name == "mdape no more than 50% worse than overall in any slice of where"
    assert found.verdict is Verdict.FAILED
    lake = _slices(found)["where = lake"]
    assert lake["allowed"] == pytest.approx(1.5 * lake["reference"])
    assert found.interval.low > lake["allowed"]


def test_worse_than_the_champion_on_rows_it_has_not_seen(poor_at_the_lake):
    found = _one(Slices(), poor_at_the_lake)
    assert found.name == "mdape no more than 20% worse than champion in every slice"
    assert found.verdict is Verdict.FAILED
    assert found.reason.startswith("where = lake: ")
    assert sum(s["n"] for s in found.evidence["slices"] if s["column"] == "where") == 600
    first = replace(poor_at_the_lake, champion=None, champion_prediction=None, champion_rows=None)
    assert _one(Slices(), first).exemption is Exemption.NO_CHAMPION
    assert _one(Slices(limit=0.12), first).verdict is Verdict.FAILED


def test_a_margin_may_be_in_the_metrics_unit(measured):
    found = _one(Slices(by="where", metric="within_10", margin=0.2), measured)
    assert found.name == "within_10 no more than 20 % worse than champion in every slice of where"
    assert (found.verdict, found.comparison) == (Verdict.PASSED, "≥")


def test_too_many_rows_in_small_slices_cannot_tell(measured):
    column = [f"block {k % 25}" for k in range(1_000)]
    found = _one(Slices(by="where", limit=0.2), replace(measured, columns={"where": column}))
    assert (found.verdict, found.evidence["code"]) == (Verdict.INCONCLUSIVE, "M220")
    assert found.reason == (
        "no slice has 100 rows of 30 independent units; about 2,500 rows would do, there are 1,000"
    )
    column = ["town"] * 850 + [f"farm {k % 10}" for k in range(150)]
    found = _one(Slices(by="where", limit=0.2), replace(measured, columns={"where": column}))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reason == (
        "only 85 % of the rows lie in slices of where that can be judged; 90 % are needed; "
        "about 6,667 rows would do, there are 1,000"
    )


def test_a_failing_slice_fails_although_others_are_too_small(poor_at_the_lake):
    column = ["lake" if w == "lake" else f"block {k % 40}" for k, w in enumerate(WHERE)]
    spoiled = replace(poor_at_the_lake, columns={"where": column})
    assert _one(Slices(by="where", limit=0.12), spoiled).verdict is Verdict.FAILED


def test_columns_with_small_slices_are_no_automatic_ones(measured):
    column = [f"block {k % 25}" for k in range(1_000)]
    mixed = replace(measured, columns={"where": column, "size": SIZE})
    found = _one(Slices(limit=0.2), mixed)
    assert found.verdict is Verdict.PASSED
    assert {s["column"] for s in found.evidence["slices"]} == {"size"}
    assert found.evidence["left_out"] == ["where"]


def test_a_failing_slice_of_an_automatic_column_fails_although_others_are_too_small(
    poor_at_the_lake,
):
    column = ["lake" if w == "lake" else f"block {k % 40}" for k, w in enumerate(WHERE)]
    spoiled = replace(poor_at_the_lake, columns={"where": column, "size": SIZE})
    found = _one(Slices(limit=0.12), spoiled)
    assert found.verdict is Verdict.FAILED
    assert found.reason.startswith("where = lake: ")
    assert found.evidence["left_out"] == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"columns": {}}, "there is no column where to cut the rows by"),
        ({"y": np.array([])}, "there are no test rows"),
        ({"columns": {"where": WHERE[:-1]}}, "the check crashed: LookupError"),
    ],
)
def test_what_was_not_measured_is_an_error(measured, change, reason):
    found = _one(Slices(by="where", limit=0.2), replace(measured, **change))
    assert found.verdict is Verdict.ERROR
    assert found.reason.startswith(reason)


def test_a_champion_that_no_longer_fits_is_what_is_declared(measured):
    moved_on = replace(
        measured, champion_prediction=None, champion_reason="no area", champion_unfit=True
    )
    found = _one(Slices(), moved_on)
    assert (found.verdict, found.evidence["code"]) == (Verdict.INCONCLUSIVE, "M210")
    exempt = _one(Slices(unfit="exempt"), moved_on)
    assert (exempt.verdict, exempt.exemption) == (
        Verdict.NOT_APPLICABLE,
        Exemption.UNFIT_CHAMPION,
    )
    assert _one(Slices(by="where", limit=0.15, unfit="exempt"), moved_on).verdict is Verdict.PASSED
    with pytest.raises(AuthorError):
        Slices(unfit="pass").validate()


def test_rows_that_the_champion_does_not_answer_are_counted(measured):
    assert _one(Slices(), measured).evidence["not_compared"] == {"not covered by it": 40}
    assert "not_compared" not in _one(Slices(by="where", limit=0.12), measured).evidence
    away = replace(measured, champion_left_out={"refused by it": 67})
    assert _one(Slices(), away).evidence["code"] == "M211"
    assert _one(Slices(by="where", limit=0.12), away).opens


def test_nothing_to_cut_by_is_an_error(sound_model):
    none = replace(sound_model, automatic=())
    assert _one(Slices(limit=0.2), none).reason == "there is no column to cut the rows by"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_one_bad_prediction_in_a_small_slice_is_an_error(measured, bad):
    spoiled = measured.predictions["boosting"].copy()
    spoiled[0] = bad
    column = ["odd"] * 20 + ["usual"] * 980
    measurement = replace(
        measured,
        predictions={**measured.predictions, "boosting": spoiled},
        columns={"where": column},
    )
    found = _one(Slices(by="where", limit=0.2), measurement)
    assert (found.verdict, found.reason) == (
        Verdict.ERROR,
        "mdape is undefined on the rows compared",
    )


@pytest.mark.parametrize(
    "check",
    [
        Slices(limit=0.1, margin=0.1),
        Slices(than="baseline"),
        Slices(margin="-5%"),
        Slices(margin=-0.1),
        Slices(margin=float("nan")),
        Slices(limit=float("inf")),
        Slices(limit="0.1"),
    ],
)
def test_unclear_limits_are_refused(check):
    with pytest.raises(AuthorError) as error:
        check.validate()
    assert error.value.mistakes[0].code == "M203"


@pytest.mark.parametrize("by", [5, ["a", "a"], ["a", None], [""], [["a"]]])
def test_rows_are_cut_by_names(by):
    with pytest.raises(AuthorError) as error:
        Slices(by=by)
    assert error.value.mistakes[0].code == "M221"


def test_a_slice_that_looks_bad_by_chance_does_not_fail(measured):
    """Forty slices of one distribution: the worst is beyond the limit, and is not shown to be."""
    rng = np.random.default_rng(1)
    failed = 0
    for k in range(20):
        column = [f"block {b}" for b in rng.integers(0, 8, 1_000)]
        cut = replace(measured, columns={"where": column}, seed=k)
        found = _one(Slices(by="where", limit=0.0685), cut)  # what it is on all rows
        failed += found.verdict is Verdict.FAILED
        assert max(s["value"] or 0 for s in found.evidence["slices"]) > 0.0685
        if found.verdict is Verdict.PASSED:  # and says so in numbers that a pass fits
            assert (found.comparison, found.threshold) == ("", None)
            assert found.reason.startswith("no slice is shown to be worse; most like it where = ")
    assert failed <= 2


@metric(better="lower", unit="USD", resamples=200)
def cost_by_house(y_true, y_pred, rows):
    return float((np.abs(y_pred / y_true - 1) * rows["cost"]).mean())


def test_a_metric_of_ones_own_sees_the_rows_of_each_slice(poor_at_the_lake):
    cost = np.where(np.array(WHERE) == "lake", 5.0, 1.0)
    seen = Rows({"cost": cost})
    predicted = Predicted(poor_at_the_lake.predictions["boosting"]).beside(seen)
    measurement = replace(
        poor_at_the_lake,
        predictions={**poor_at_the_lake.predictions, "boosting": predicted},
        metrics={"cost_by_house": cost_by_house.metric},
    )
    found = _one(Slices(by="where", metric=cost_by_house, limit=0.5), measurement)
    lake = next(s for s in found.evidence["slices"] if s["label"] == "lake")
    at = cost == 5.0
    error = np.abs(predicted.values / poor_at_the_lake.y - 1)
    assert lake["value"] == pytest.approx(5 * error[at].mean())
    assert found.verdict is Verdict.FAILED


def test_a_slice_of_a_metric_without_a_side_is_an_error(measured):
    found = _one(Slices(by="where", metric="prd", limit=1.1), measured)
    assert (found.verdict, found.reason) == (Verdict.ERROR, "of prd neither side is worse")
