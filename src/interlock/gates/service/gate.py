"""The checks a packaged service must meet."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.gates.gate import Judge, with_always_on
from interlock.gates.service.answers import BadInput, EdgeParity, FieldOrder, Parity, Symmetry
from interlock.gates.service.contracts import ConsumerContracts
from interlock.gates.service.measurement import ServiceMeasurement

ALWAYS_ON: tuple[Judge[ServiceMeasurement], ...] = (
    Parity(),
    EdgeParity(),
    Symmetry(),
    BadInput(),
    FieldOrder(),
    ConsumerContracts(),
)
DEFAULT_SERVICE_GATE = ALWAYS_ON


def service_gate(
    declared: Sequence[Judge[ServiceMeasurement]],
) -> tuple[Judge[ServiceMeasurement], ...]:
    """The checks a packaged service must meet: those declared and those always on."""
    return with_always_on(declared, ALWAYS_ON)
