"""How often verdicts about parts of the rows are wrong: slices, groups, intervals by coverage.

Simulated where the truth is known, through the checks themselves; every figure is printed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats as reference

from interlock.gates.gate import Declared
from interlock.gates.model.coverage import IntervalCoverage
from interlock.gates.model.fairness import Fair
from interlock.gates.model.measurement import ModelMeasurement
from interlock.gates.model.slices import Slices
from interlock.gates.model.width import IntervalWidth
from interlock.verdict import Verdict

pytestmark = pytest.mark.slow

ROWS = 2_000
TIMES = 400
SLICES = 8
SPREAD = 0.10  # standard deviation of the relative error
MAPE = SPREAD * float(np.sqrt(2 / np.pi))
Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Prints a figure for whoever runs the suite."""

    def printed(figure: str) -> None:
        with capsys.disabled():
            print(f"\n  {figure}", end="")

    return printed


def measured(seed: int, *, poor: float = 1.0, level: float = 0.8) -> ModelMeasurement:
    """A model as good in each of eight places, but for the first, where it errs ``poor`` times as
    much; its intervals of 80 % hold ``level`` of the truths."""
    rng = np.random.default_rng(seed)
    place = rng.integers(0, SLICES, ROWS)
    error = rng.normal(0, SPREAD, ROWS) * np.where(place == 0, poor, 1.0)
    prediction = rng.lognormal(12, 0.4, ROWS)
    half = float(reference.norm.ppf((1 + level) / 2)) * SPREAD
    return ModelMeasurement(
        metric="mae",
        y=prediction * (1 + error),
        predictions={"model": prediction},
        winner="model",
        baselines=(),
        seed=seed,
        champion=None,
        champion_prediction=None,
        champion_rows=None,
        columns={"place": [f"place {k}" for k in place]},
        low=prediction * (1 - half),
        high=prediction * (1 + half),
        promised=0.8,
    )


def rates(check: Declared, **truth: Any) -> Counter[Verdict]:
    found: Counter[Verdict] = Counter()
    for seed in range(TIMES):
        (answer,) = check.judge(measured(seed, **truth))  # type: ignore[attr-defined]
        found[answer.verdict] += 1
    return found


def test_slices_that_are_all_alike_seldom_fail(say: Say) -> None:
    """At the strictest question there is: no slice worse than overall, by nothing at all."""
    found = rates(Slices(by="place", metric="mape", margin=0.0, than="overall"))
    failed = found[Verdict.FAILED] / TIMES
    say(f"{SLICES} slices, all alike, none may be worse: {failed:.1%} fail (≤ 5 %)")
    assert failed <= 0.05


def test_a_slice_that_is_half_as_bad_again_is_found(say: Say) -> None:
    check = Slices(by="place", metric="mape", margin="10%", than="overall")
    failed = rates(check, poor=1.5)[Verdict.FAILED] / TIMES
    say(f"one of {SLICES} slices errs half as much again: {failed:.1%} found (≥ 95 %)")
    assert failed >= 0.95


def test_groups_that_differ_by_the_limit_seldom_pass(say: Say) -> None:
    """One group errs by just so much more than the others as the check allows."""
    limit = 0.5 * MAPE
    check = Fair("place", "mape", max_difference=limit)
    apart, alike = rates(check, poor=1.5), rates(check)
    passed, failed = apart[Verdict.PASSED] / TIMES, alike[Verdict.FAILED] / TIMES
    say(
        f"groups that truly differ by the limit: {passed:.1%} pass; truly alike: {failed:.1%} fail "
        "(each ≤ 5 %)"
    )
    assert passed <= 0.05
    assert failed <= 0.05


@pytest.mark.parametrize("level", [0.75, 0.85])
def test_intervals_that_cover_just_too_few_or_many_seldom_pass(level: float, say: Say) -> None:
    found = rates(IntervalCoverage(within=0.05), level=level)
    passed, failed = found[Verdict.PASSED] / TIMES, found[Verdict.FAILED] / TIMES
    say(
        f"coverage truly {level:.0%}, asked 75 to 85 %: {passed:.1%} pass, {failed:.1%} fail "
        "(each ≤ 5 %)"
    )
    assert passed <= 0.05
    assert failed <= 0.05


def test_intervals_as_wide_as_the_limit_seldom_pass_or_fail(say: Say) -> None:
    """The true median width is the limit itself."""
    half = float(reference.norm.ppf(0.9)) * SPREAD
    found = rates(IntervalWidth(2 * half * float(np.exp(12))))
    passed, failed = found[Verdict.PASSED] / TIMES, found[Verdict.FAILED] / TIMES
    say(f"median width truly at the limit: {passed:.1%} pass, {failed:.1%} fail (each ≤ 5 %)")
    assert passed <= 0.05
    assert failed <= 0.05
