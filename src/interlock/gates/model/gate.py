"""The checks that a product's winner must meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interlock.gates.gate import Declared, Judge, with_always_on
from interlock.gates.model.absolute import Above, Below, Between
from interlock.gates.model.baselines import BeatsBaselines, NoBaselineOnTop
from interlock.gates.model.behaviour import Directional, Invariant
from interlock.gates.model.calibration import Calibrated
from interlock.gates.model.champion import BetterThanChampion, NoWorseThanChampion
from interlock.gates.model.coverage import IntervalCoverage
from interlock.gates.model.expect import Expect
from interlock.gates.model.fairness import Fair
from interlock.gates.model.measurement import ModelMeasurement
from interlock.gates.model.slices import Slices
from interlock.gates.model.tuning import TuneAgrees
from interlock.gates.model.width import IntervalWidth

MODEL_CHECKS: tuple[type[Declared], ...] = (
    Below,
    Above,
    Between,
    BeatsBaselines,
    NoWorseThanChampion,
    BetterThanChampion,
    Slices,
    IntervalCoverage,
    IntervalWidth,
    Fair,
    Calibrated,
    TuneAgrees,
    Directional,
    Invariant,
    Expect,
)
"""Every check that a product may declare for its model gate."""
ALWAYS_ON: tuple[Judge[ModelMeasurement], ...] = (TuneAgrees(),)
DEFAULT_MODEL_GATE: tuple[Judge[ModelMeasurement], ...] = (BeatsBaselines(), NoWorseThanChampion())


def model_gate(declared: Sequence[Judge[ModelMeasurement]]) -> tuple[Judge[ModelMeasurement], ...]:
    """The checks a product's winner must meet: those declared, or the default ones, and the rest.

    A product that declares its own limit for a check that is always on replaces it.
    """
    checks = tuple(declared) or DEFAULT_MODEL_GATE
    beaten = any(isinstance(check, BeatsBaselines) for check in checks)
    return with_always_on(checks, ALWAYS_ON if beaten else (NoBaselineOnTop(), *ALWAYS_ON))


def compares(check: Any) -> bool:
    """Whether a check sets the winner against the champion.

    Any other is given no champion to look at, and answers the same whatever is live.
    """
    if isinstance(check, Slices):
        return check.paired
    return isinstance(check, NoWorseThanChampion | BetterThanChampion)
