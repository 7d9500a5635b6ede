"""How often a verdict is wrong: simulated where the truth is known, through the checks themselves.

Every figure is printed. The seeds are fixed, so the rates are the same on every run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats as reference

from interlock.evaluate.compare import estimate
from interlock.evaluate.metrics import metric_named
from interlock.gates.model.champion import BetterThanChampion, NoWorseThanChampion
from interlock.gates.model.measurement import ModelMeasurement
from interlock.train.answer import AnswerSpec
from interlock.train.interval import calibrate_interval
from interlock.verdict import Verdict

pytestmark = pytest.mark.slow

ROWS = 1_000
TIMES = 600
MEDIAN = float(reference.norm.ppf(0.75))  # of |N(0, 1)|
Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Prints a figure for whoever runs the suite."""

    def printed(figure: str) -> None:
        with capsys.disabled():
            print(f"\n  {figure}", end="")

    return printed


# ------------------------------------------------------------------ two models, and a margin

SPREAD = 0.10  # standard deviation of the champion's relative error
MARGIN = 0.005


def contest(seed: int, *, worse_by: float, metric: str) -> ModelMeasurement:
    """A champion and a challenger whose metric is truly ``worse_by`` above the champion's.

    Their errors share half of their variance, as those of two models of the same rows do.
    """
    rng = np.random.default_rng(seed)
    factor = {"mdape": MEDIAN, "mape": float(np.sqrt(2 / np.pi))}[metric]
    wide = SPREAD + worse_by / factor
    shared, own, other = rng.normal(size=(3, ROWS)) * np.sqrt(0.5)
    y = rng.lognormal(12, 0.4, ROWS)
    return ModelMeasurement(
        metric=metric,
        y=y,
        predictions={"challenger": y * (1 + wide * (shared + own))},
        winner="challenger",
        baselines=(),
        seed=seed,
        champion="1.0.0",
        champion_prediction=y * (1 + SPREAD * (shared + other)),
        champion_rows=np.ones(ROWS, dtype=bool),
    )


def rates(check: NoWorseThanChampion | BetterThanChampion, **truth: object) -> Counter[Verdict]:
    found: Counter[Verdict] = Counter()
    for seed in range(TIMES):
        (answer,) = check.judge(contest(seed, **truth))  # type: ignore[arg-type]
        found[answer.verdict] += 1
    return found


@pytest.mark.parametrize("metric", ["mape", "mdape"])
def test_a_model_worse_by_the_margin_seldom_passes(metric: str, say: Say) -> None:
    found = rates(NoWorseThanChampion(MARGIN), worse_by=MARGIN, metric=metric)
    passed, failed = found[Verdict.PASSED] / TIMES, found[Verdict.FAILED] / TIMES
    say(f"{metric}, truly at the margin: {passed:.1%} pass, {failed:.1%} fail (each ≤ 5 %)")
    assert passed <= 0.05
    assert failed <= 0.05


@pytest.mark.parametrize("metric", ["mape", "mdape"])
def test_a_model_as_good_as_the_champion_seldom_fails(metric: str, say: Say) -> None:
    found = rates(NoWorseThanChampion(MARGIN), worse_by=0.0, metric=metric)
    failed, passed = found[Verdict.FAILED] / TIMES, found[Verdict.PASSED] / TIMES
    say(f"{metric}, truly equal: {failed:.1%} fail (≤ 5 %), {passed:.1%} pass at {ROWS:,} rows")
    assert failed <= 0.05


def test_a_model_as_good_as_the_champion_seldom_counts_as_better(say: Say) -> None:
    passed = rates(BetterThanChampion(), worse_by=0.0, metric="mape")[Verdict.PASSED] / TIMES
    say(f"mape, truly equal: {passed:.1%} are called better (≤ 5 %)")
    assert passed <= 0.05


# ------------------------------------------------------------------ intervals of a metric


def relative_errors(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    y = rng.uniform(50, 150, ROWS)
    return y, y * (1 + rng.normal(0, SPREAD, ROWS))


def absolute_errors(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    y = rng.uniform(50, 150, ROWS)
    return y, y + rng.normal(0, 1, ROWS)


def scores(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two normal scores one standard deviation apart, told as calibrated probabilities."""
    y = (rng.random(ROWS) < 0.3).astype(float)
    logit = rng.normal(y, 1) - 0.5 + np.log(0.3 / 0.7)
    positive = 1 / (1 + np.exp(-logit))
    return y, np.column_stack([1 - positive, positive])


def true_log_loss() -> float:
    y, odds = zip(*(scores(np.random.default_rng(10**6 + i)) for i in range(3_000)), strict=True)
    return metric_named("log_loss").value(np.concatenate(y), np.concatenate(odds))


TRUTHS: list[tuple[str, Callable[..., tuple[np.ndarray, np.ndarray]], Callable[[], float]]] = [
    ("mae", absolute_errors, lambda: float(np.sqrt(2 / np.pi))),
    ("rmse", absolute_errors, lambda: 1.0),
    ("mdape", relative_errors, lambda: SPREAD * MEDIAN),
    ("within_10", relative_errors, lambda: float(2 * reference.norm.cdf(0.1 / SPREAD) - 1)),
    ("roc_auc", scores, lambda: float(reference.norm.cdf(1 / np.sqrt(2)))),
    ("log_loss", scores, true_log_loss),
]


@pytest.mark.parametrize(("metric", "draw", "truth"), TRUTHS, ids=[t[0] for t in TRUTHS])
def test_an_interval_holds_the_truth_as_often_as_it_says(
    metric: str,
    draw: Callable[..., tuple[np.ndarray, np.ndarray]],
    truth: Callable[[], float],
    say: Say,
) -> None:
    value, held = truth(), 0
    for seed in range(TIMES):
        y, prediction = draw(np.random.default_rng(seed))
        found = estimate(metric_named(metric), y, prediction, seed=seed).interval
        held += found is not None and found.low <= value <= found.high
    say(f"{metric}: 95 % intervals hold the truth in {held / TIMES:.1%} (93 to 97 %)")
    assert 0.93 <= held / TIMES <= 0.97


def test_intervals_of_rows_that_share_a_unit_hold_the_truth(say: Say) -> None:
    """Five rows a unit, half the variance shared: rows taken as independent are too sure."""
    truth, units = float(np.sqrt(2 / np.pi)), np.repeat(np.arange(ROWS // 5), 5)
    held = {"by unit": 0, "by row": 0}
    for seed in range(TIMES):
        rng = np.random.default_rng(seed)
        shared, own = rng.normal(size=ROWS // 5)[units], rng.normal(size=ROWS)
        y = np.full(ROWS, 100.0)
        prediction = y + np.sqrt(0.7) * shared + np.sqrt(0.3) * own
        for name, clusters in (("by unit", units), ("by row", None)):
            metric = metric_named("mae")
            found = estimate(metric, y, prediction, seed=seed, clusters=clusters).interval
            held[name] += found is not None and found.low <= truth <= found.high
    by_unit, by_row = held["by unit"] / TIMES, held["by row"] / TIMES
    say(f"mae, 5 rows a unit: {by_unit:.1%} held by unit (≥ 92 %), {by_row:.1%} by row")
    assert by_unit >= 0.92
    assert by_row < 0.9


# ------------------------------------------------------------------ prediction intervals

LEVEL = 0.8


def covered(y: np.ndarray, centre: np.ndarray, width: float) -> np.ndarray:
    return np.abs(np.log(y) - centre) <= width


def test_conformal_intervals_cover_what_they_promise(say: Say) -> None:
    """Marginally, on exchangeable rows; by slice and over time it is measured, not promised."""
    spec = AnswerSpec(task="regression", link="identity", transform="log")
    inside, easy, hard, later = [], [], [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        x = rng.random(2_500)
        noise = rng.standard_t(4, 2_500) * (0.05 + 0.15 * x)  # harder where x is large
        y, centre = np.exp(12 + x + noise), 12 + x
        found = calibrate_interval(y[:500], centre[:500, None], spec, level=LEVEL).interval
        assert found is not None
        width, test = found.high_offset, slice(500, None)
        kept = covered(y[test], centre[test], width)
        inside.append(kept.mean())
        easy.append(kept[x[test] < 0.5].mean())
        hard.append(kept[x[test] >= 0.5].mean())
        later.append(covered(y[test] * 1.1, centre[test], width).mean())  # prices rose by 10 %
    mean = float(np.mean(inside))
    say(
        f"conformal {LEVEL:.0%}: {mean:.1%} covered (within 2 points); not promised: easy half "
        f"{np.mean(easy):.1%}, hard half {np.mean(hard):.1%}, after a rise of 10 % "
        f"{np.mean(later):.1%}"
    )
    assert abs(mean - LEVEL) <= 0.02
