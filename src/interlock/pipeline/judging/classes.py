"""What the winner answered for what was true on the test rows: plain JSON values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from interlock.evaluate.by_class import ByClass, ClassScore, by_class
from interlock.evaluate.compare import Estimate
from interlock.evaluate.predicted import Predicted
from interlock.gates.model.measurement import ModelMeasurement
from interlock.verdict import Interval

_SCORES = tuple(field.name for field in fields(ClassScore) if field.name != "support")


def measured_classes(measurement: ModelMeasurement) -> dict[str, Any] | None:
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
        shares=tuple(tuple(map(_read, shares)) for shares in row["shares"]),
        classes=tuple(
            ClassScore(support=one["support"], **{name: _read(one[name]) for name in _SCORES})
            for one in row["classes"]
        ),
    )


def _row(found: ByClass) -> dict[str, Any]:
    return {
        "counts": [list(counts) for counts in found.counts],
        "shares": [[_written(share) for share in shares] for shares in found.shares],
        "classes": [
            {"support": one.support, **{name: _written(getattr(one, name)) for name in _SCORES}}
            for one in found.classes
        ],
    }


def _written(found: Estimate | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "value": found.value,
        "low": found.interval.low if found.interval else None,
        "high": found.interval.high if found.interval else None,
        "n": found.n,
        "units": found.units,
        "resamples": found.resamples,
    }


def _read(row: Mapping[str, Any] | None) -> Estimate | None:
    if row is None:
        return None
    known = row["low"] is not None and row["high"] is not None
    return Estimate(
        value=row["value"],
        interval=Interval(low=row["low"], high=row["high"]) if known else None,
        n=row["n"],
        units=row["units"],
        resamples=row["resamples"],
    )
