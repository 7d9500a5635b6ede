"""The data gate's checks: which there are, which are always on, and which are the default.

A product that declares its own limit for a check that is always on replaces it.

>>> checks = data_gate([MinRows(5_000), MaxDuplicates()])
>>> [type(check).__name__ for check in checks]  # doctest: +NORMALIZE_WHITESPACE
['MinRows', 'MaxDuplicates', 'MaxQuarantined', 'MaxFeatureFailures', 'MinPerPart',
 'NoLeakage', 'Drift', 'Integrity', 'LabelDelay']
"""

from __future__ import annotations

from collections.abc import Sequence

from interlock.gates.data.coverage import SegmentCoverage
from interlock.gates.data.freshness import Fresh
from interlock.gates.data.labels import LabelDelay
from interlock.gates.data.leakage import NoLeakage
from interlock.gates.data.measurement import DataMeasurement
from interlock.gates.data.rows import (
    MaxDuplicates,
    MaxFeatureFailures,
    MaxMissing,
    MaxQuarantined,
    MaxViolations,
    MinPerPart,
    MinRows,
)
from interlock.gates.data.shift import Drift, Integrity
from interlock.gates.gate import Judge, with_always_on

DATA_CHECKS: tuple[type[Judge[DataMeasurement]], ...] = (
    MinRows,
    MaxQuarantined,
    MaxDuplicates,
    MaxFeatureFailures,
    MaxViolations,
    MaxMissing,
    Fresh,
    MinPerPart,
    NoLeakage,
    Drift,
    Integrity,
    LabelDelay,
    SegmentCoverage,
)
"""Every check that can be declared for the data gate."""

ALWAYS_ON: tuple[Judge[DataMeasurement], ...] = (
    MaxQuarantined(0.10),
    MaxDuplicates(0.01),
    MaxFeatureFailures(0.01),
    MinPerPart(),
    NoLeakage(),
    Drift(),
    Integrity(),
    LabelDelay(),
)
DEFAULT_DATA_GATE: tuple[Judge[DataMeasurement], ...] = (MinRows(500), *ALWAYS_ON)


def data_gate(declared: Sequence[Judge[DataMeasurement]]) -> tuple[Judge[DataMeasurement], ...]:
    """The checks a product's data must meet: those declared and those always on.

    A product that declares none gets :data:`DEFAULT_DATA_GATE`.
    """
    return with_always_on(declared, ALWAYS_ON) if declared else DEFAULT_DATA_GATE
