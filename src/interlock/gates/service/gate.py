"""The checks a packaged service must meet."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.gates.gate import Judge, with_always_on
from interlock.gates.service.answers import BadInput, EdgeParity, FieldOrder, Parity, Symmetry
from interlock.gates.service.contracts import ConsumerContracts
from interlock.gates.service.faults import Faults
from interlock.gates.service.form import Form
from interlock.gates.service.fuzz import Fuzz
from interlock.gates.service.in_time import InTime
from interlock.gates.service.latency import P99Below
from interlock.gates.service.load import Sustains
from interlock.gates.service.measurement import ServiceMeasurement
from interlock.gates.service.memory import MemoryBelow
from interlock.gates.service.start import ColdStartBelow

ServiceCheck = Judge[ServiceMeasurement]

ALWAYS_ON: tuple[ServiceCheck, ...] = (
    Parity(),
    EdgeParity(),
    Symmetry(),
    BadInput(),
    FieldOrder(),
    ConsumerContracts(),
    InTime(),
)
FULL: tuple[ServiceCheck, ...] = (
    ColdStartBelow("10s"),
    MemoryBelow("1GB"),
    Sustains(200, p99="250ms"),
    Fuzz(),
    Faults(),
)
"""What the full form asks besides; the limits are alarms, far from what a small model needs."""
SERVICE_CHECKS = (P99Below, ColdStartBelow, MemoryBelow, Sustains)
"""What a product may declare."""
_ONLY_IN_FULL = tuple(type(check) for check in FULL)


def service_gate(
    declared: Sequence[ServiceCheck], form: Form = Form.QUICK
) -> tuple[ServiceCheck, ...]:
    """The checks a packaged service must meet: those declared and those always on.

    In the quick form, those that only the full one asks are left out, declared or not.
    """
    if form is Form.FULL:
        return with_always_on(declared, (*ALWAYS_ON, *FULL))
    asked = [check for check in declared if not isinstance(check, _ONLY_IN_FULL)]
    return with_always_on(asked, ALWAYS_ON)
