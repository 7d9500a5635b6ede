from dataclasses import replace

import numpy as np
import pytest

from interlock.errors import AuthorError
from interlock.gates.gate import run
from interlock.gates.model.coverage import IntervalCoverage
from interlock.verdict import Verdict

WHERE = ["town", "lake", "hill", "moor", "dell"] * 200


@pytest.fixture
def covered(sound_model):
    def made(hit):
        y = sound_model.y
        low = np.where(hit, y * 0.9, y * 1.1)
        columns = {"where": np.random.default_rng(4).permutation(WHERE).tolist()}
        return replace(sound_model, low=low, high=low + 0.2 * y, promised=0.8, columns=columns)

    return made


def _one(check, measurement):
    (found,) = run("model gate", [check], measurement).checks
    return found


def test_coverage_near_its_level_passes(covered):
    found = _one(IntervalCoverage(), covered(np.arange(1_000) % 5 > 0))
    assert found.name == "coverage of 80 % intervals between 75 % and 85 %"
    assert (found.verdict, found.measured, found.threshold, found.upper) == (
        Verdict.PASSED,
        0.8,
        0.75,
        pytest.approx(0.85),
    )
    assert found.n == 1_000


@pytest.mark.parametrize(
    ("every", "verdict"), [(3, Verdict.FAILED), (4, Verdict.INCONCLUSIVE), (20, Verdict.FAILED)]
)
def test_too_much_is_no_better_than_too_little(covered, every, verdict):
    found = _one(IntervalCoverage(), covered(np.arange(1_000) % every > 0))
    assert (found.verdict, found.evidence["code"]) == (verdict, "M222")


def test_at_least_has_one_side(covered):
    measurement = covered(np.arange(1_000) % 20 > 0)
    assert _one(IntervalCoverage(at_least=0.78), measurement).verdict is Verdict.PASSED
    found = _one(IntervalCoverage(at_least=0.96), measurement)
    assert found.name == "coverage of 80 % intervals ≥ 96 %"
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.evidence["rows_needed"] > 1_000


def test_a_level_near_one_has_no_upper_limit(covered):
    measurement = replace(covered(np.ones(1_000, dtype=bool)), promised=0.97)
    found = _one(IntervalCoverage(), measurement)
    assert found.name == "coverage of 97 % intervals ≥ 92 %"
    assert found.verdict is Verdict.PASSED


def test_a_slice_that_is_covered_too_seldom_is_named(covered):
    hit = np.arange(1_000) % 20 > 0
    lake = np.array(covered(hit).columns["where"]) == "lake"
    hit[lake] = np.arange(200) % 2 == 0
    found = _one(IntervalCoverage(at_least=0.7, by="where"), covered(hit))
    assert found.name == "coverage of 80 % intervals ≥ 70 % in every slice of where"
    assert (found.verdict, found.n, found.measured) == (Verdict.FAILED, 200, 0.5)
    assert found.reason.startswith("where = lake: 50 %, 95 % interval 43")
    assert "must be ≥ 70 % (200 rows" in found.reason
    assert [s["label"] for s in found.evidence["slices"] if s["verdict"] == "failed"] == ["lake"]


def test_a_slice_that_is_covered_too_often_is_named_too(covered):
    hit = np.arange(1_000) % 5 > 0
    hit[np.array(covered(hit).columns["where"]) == "hill"] = True
    found = _one(IntervalCoverage(within=0.1, by="where"), covered(hit))
    assert found.verdict is Verdict.FAILED
    assert found.reason.startswith("where = hill: 100 %")
    assert "must be ≤ 90 %" in found.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"low": None}, "the winner answers without prediction intervals"),
        ({"promised": None}, "the winner answers without prediction intervals"),
        ({"low": np.zeros(999)}, "there is not one interval for each row"),
        (
            {"predictions": {"boosting": np.append(np.arange(999.0), np.nan)}},
            "there is not one prediction, a finite number, for each test row",
        ),
        ({"columns": {}}, "there is no column where to cut the rows by"),
    ],
)
def test_what_was_not_measured_is_an_error(covered, change, reason):
    measurement = replace(covered(np.ones(1_000, dtype=bool)), **change)
    found = _one(IntervalCoverage(by="where"), measurement)
    assert (found.verdict, found.reason) == (Verdict.ERROR, reason)


@pytest.mark.parametrize(
    "check",
    [
        IntervalCoverage(at_least=0.7, within=0.1),
        IntervalCoverage(at_least=1.0),
        IntervalCoverage(at_least=-0.1),
        IntervalCoverage(at_least=0),
        IntervalCoverage(at_least=False),
        IntervalCoverage(within=0.0),
        IntervalCoverage(within=0.6),
        IntervalCoverage(within="5%"),
    ],
)
def test_limits_that_cannot_be_used(check):
    with pytest.raises(AuthorError) as error:
        check.validate()
    assert error.value.mistakes[0].code == "M203"
