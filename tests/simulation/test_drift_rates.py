"""How often drift is told where there is none, and found where there is.

Windows of 20 columns, numbers and categories, against a profile as a release carries one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from interlock.data.profile import profile
from interlock.stats.drift import Level, judge_shifts, shift

pytestmark = pytest.mark.slow

NUMBERS, CATEGORIES = 15, 5
REFERENCE = 5_000  # rows of the release's profile
WINDOWS = 2_000
DRIFTED = (Level.WARNING, Level.HIGH)


@dataclass(frozen=True)
class Named:
    name: str
    kind: str


INPUTS = [
    *(Named(f"n{i}", "float") for i in range(NUMBERS)),
    *(Named(f"c{i}", "category") for i in range(CATEGORIES)),
]
NAMES = np.array([f"v{i}" for i in range(30)], dtype=object)
SHARES = np.arange(30, 0, -1) / np.arange(30, 0, -1).sum()


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    def printed(figure: str) -> None:
        with capsys.disabled():
            print(f"\n  {figure}", end="")

    return printed


def window(rng: np.random.Generator, rows: int, moved: float = 0.0) -> dict[str, object]:
    """Columns of ``rows``, one in twenty missing; the first number has ``moved`` by so many σ."""
    columns: dict[str, object] = {}
    for i in range(NUMBERS):
        values = rng.standard_t(4, rows) if i % 3 else rng.normal(size=rows)
        values[rng.random(rows) < 0.05] = np.nan
        columns[f"n{i}"] = values + (moved if i == 0 else 0.0)
    for i in range(CATEGORIES):
        columns[f"c{i}"] = list(rng.choice(NAMES, rows, p=SHARES))
    return columns


def levels(seed: int, rows: int, moved: float = 0.0) -> list[Level]:
    """The answers about each column of a window, in order."""
    known = PROFILES[seed % len(PROFILES)]
    columns = window(np.random.default_rng([seed, rows]), rows, moved)
    shifts = [shift(one.reference, one.counts_of(columns[one.name])) for one in known.inputs]
    return [judged.level for judged in judge_shifts(shifts)]


PROFILES = [profile(INPUTS, window(np.random.default_rng(10**6 + i), REFERENCE)) for i in range(20)]


@pytest.mark.parametrize("rows", [500, 1_000, 5_000])
def test_windows_that_did_not_drift_seldom_alarm(rows: int, say: Callable[[str], None]) -> None:
    times = WINDOWS if rows < 5_000 else WINDOWS // 4
    alarms = sum(any(level in DRIFTED for level in levels(i, rows)) for i in range(times))
    say(f"{rows:,} rows × 20 columns, no drift: {alarms / times:.2%} of windows alarm (≤ 1 %)")
    assert alarms / times <= 0.01


def test_a_move_of_four_tenths_of_sigma_is_found(say: Callable[[str], None]) -> None:
    times = WINDOWS // 2
    found = sum(levels(i, 1_000, 0.4)[0] in DRIFTED for i in range(times))
    say(f"1,000 rows, one of 20 columns moved by 0.4 σ: {found / times:.1%} found (≥ 95 %)")
    assert found / times >= 0.95


def test_a_window_too_small_is_never_called_sound() -> None:
    assert set(levels(0, 150)) == {Level.INSUFFICIENT}
