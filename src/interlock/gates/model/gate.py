"""The checks that a product's winner must meet."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.gates.gate import Declared, Judge
from interlock.gates.model.absolute import Above, Below, Between
from interlock.gates.model.baselines import BeatsBaselines
from interlock.gates.model.behaviour import Directional, Invariant
from interlock.gates.model.calibration import Calibrated
from interlock.gates.model.champion import BetterThanChampion, NoWorseThanChampion
from interlock.gates.model.coverage import IntervalCoverage
from interlock.gates.model.expect import Expect
from interlock.gates.model.fairness import Fair
from interlock.gates.model.measurement import ModelMeasurement
from interlock.gates.model.slices import Slices

MODEL_CHECKS: tuple[type[Declared], ...] = (
    Below,
    Above,
    Between,
    BeatsBaselines,
    NoWorseThanChampion,
    BetterThanChampion,
    Slices,
    IntervalCoverage,
    Fair,
    Calibrated,
    Directional,
    Invariant,
    Expect,
)
"""Every check that a product may declare for its model gate."""
DEFAULT_MODEL_GATE: tuple[Judge[ModelMeasurement], ...] = (BeatsBaselines(), NoWorseThanChampion())


def model_gate(declared: Sequence[Judge[ModelMeasurement]]) -> tuple[Judge[ModelMeasurement], ...]:
    """The checks a product's winner must meet: those declared, or the default ones."""
    return tuple(declared) or DEFAULT_MODEL_GATE
