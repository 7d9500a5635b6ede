from dataclasses import replace

import numpy as np
import pytest

from interlock.gates.data.measurement import DataMeasurement
from interlock.gates.model.measurement import ModelMeasurement
from interlock.gates.service import LatencyWindow, ServiceMeasurement

DAY = 86_400_000_000


@pytest.fixture
def sound_data():
    """A measurement that passes every check of the data gate."""
    return DataMeasurement(
        rows_read=10_000,
        rows_usable=9_000,
        without_label=100,
        label_pending=300,
        duplicates=0,
        quarantined={"price: below 5000": 20, "key: missing": 5},
        feature_failures={"age_years": 3, "rooms": 0},
        violations={"price": 20},
        part_rows={"train": 7_000, "tune": 500, "calibrate": 500, "test": 1_000},
        newest_event=100 * DAY,
        as_of=101 * DAY,
    )


@pytest.fixture
def sound_model():
    """A measurement that passes every check of the model gate: the winner beats all others."""
    rng = np.random.default_rng(0)
    y = rng.lognormal(12, 0.4, 1_000)
    return ModelMeasurement(
        metric="mdape",
        y=y,
        predictions={
            "boosting": y * rng.lognormal(0, 0.10, 1_000),
            "median": y * rng.lognormal(0, 0.30, 1_000),
        },
        winner="boosting",
        baselines=("median",),
        seed=7,
        champion="1.3.0",
        champion_prediction=y * rng.lognormal(0, 0.15, 1_000),
        champion_rows=np.arange(1_000) >= 400,
        target_unit="USD",
        columns={"where": ["town", "lake", "hill", "moor", "dell"] * 200, "size": y},
        automatic=("where", "size"),
    )


@pytest.fixture
def sound_service():
    """A measurement that passes every check of the service gate."""
    window = LatencyWindow(n=150, p50_seconds=0.001, p99_seconds=0.004)
    return ServiceMeasurement(
        rows_compared=1_000,
        features_compared=8_000,
        feature_mismatches=0,
        prediction_mismatches=0,
        worst_prediction_difference=0.0,
        tolerance=1e-12,
        edge_rows_compared=300,
        edge_mismatches=0,
        bad_inputs_sent=40,
        bad_inputs_wrong=(),
        latency_windows=tuple(replace(window, p99_seconds=0.004 + k / 1e4) for k in range(10)),
        unanswered=0,
        oracle_values=120,
        orders_compared=75,
    )
