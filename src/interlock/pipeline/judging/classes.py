"""What the winner answered for what was true on the test rows: plain JSON values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from interlock.evaluate.by_class import ByClass, ClassScore, by_class
from interlock.evaluate.predicted import Predicted
from interlock.gates.model.measurement import WinnerMeasurement
from interlock.pipeline.judging.written import read, written

_SCORES = tuple(field.name for field in fields(ClassScore) if field.name != "support")


def measured_classes(measurement: WinnerMeasurement) -> dict[str, Any] | None:
    """The tables of a classifier's winner; None for a regression."""
    if not len(measurement.y):
        return None
    predicted = Predicted.of(measurement.predictions[measurement.winner])
    found = by_class(measurement.y, predicted, measurement.resamples)
    return None if found is None else _row(found)


def read_classes(row: Mapping[str, Any]) -> ByClass:
    """The inverse of :func:`measured_classes`."""
    return ByClass(
        counts=tuple(tuple(counts) for counts in row["counts"]),
        shares=tuple(tuple(map(read, shares)) for shares in row["shares"]),
        classes=tuple(
            ClassScore(support=one["support"], **{name: read(one[name]) for name in _SCORES})
            for one in row["classes"]
        ),
    )


def _row(found: ByClass) -> dict[str, Any]:
    return {
        "counts": [list(counts) for counts in found.counts],
        "shares": [[written(share) for share in shares] for shares in found.shares],
        "classes": [
            {"support": one.support, **{name: written(getattr(one, name)) for name in _SCORES}}
            for one in found.classes
        ],
    }
