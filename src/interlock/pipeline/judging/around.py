"""What checks look at around the predictions for the test rows: columns, intervals, tune rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.predicted import Prediction
from interlock.gates.model.measurement import TuneRows, WinnerMeasurement
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.judging.columns import automatic_names, cut_columns, cut_names
from interlock.pipeline.training.seen import clusters_of, load_predicted
from interlock.product.training_set import TrainingSet
from interlock.store.arrays import array_from_bytes


def with_columns(
    context: Context,
    snapshots: Outcome,
    trained: Mapping[str, Any],
    rows: TrainingSet,
    measurement: WinnerMeasurement,
    checks: Sequence[Any],
) -> WinnerMeasurement:
    """The measurement with what checks cut the test rows by."""
    test = array_from_bytes(context.artifacts.get(trained["rows"]["test"]))
    automatic = automatic_names(context, rows, test)
    names = tuple(dict.fromkeys([*cut_names(checks), *automatic]))
    columns = cut_columns(context, snapshots, rows, test, names)
    return replace(measurement, columns=columns, automatic=automatic)


def with_intervals(
    context: Context, trained: Mapping[str, Any], measurement: WinnerMeasurement
) -> WinnerMeasurement:
    """The measurement with the winner's prediction intervals on the test rows, if it gives any."""
    kept = trained["candidates"].get(trained["winner"], {}).get("test", {})
    ends = {
        end: array_from_bytes(context.artifacts.get(kept[end]))
        for end in ("low", "high")
        if end in kept
    }
    level = getattr(context.bound.product.target, "interval", None)
    return replace(measurement, promised=level, low=ends.get("low"), high=ends.get("high"))


def with_tune(
    context: Context,
    trained: Mapping[str, Any],
    rows: TrainingSet,
    tune: NDArray[Any],
    measurement: WinnerMeasurement,
) -> WinnerMeasurement:
    """The measurement with what winner and baselines said of the tune rows, of these numbers."""
    asked = (measurement.winner, *measurement.baselines)
    kept = {name: trained["candidates"].get(name, {}).get("tune_predicted") for name in asked}
    predictions: dict[str, Prediction] = {
        name: load_predicted(context, blobs) for name, blobs in kept.items() if blobs
    }
    if not len(tune):
        return measurement
    y = np.asarray(rows.y[tune], dtype=np.float64)
    found = TuneRows(y=y, predictions=predictions, clusters=clusters_of(rows, tune))
    return replace(measurement, tune=found)
