from dataclasses import replace

import numpy as np
import pytest

from interlock.clock import DAY
from interlock.data.drift import drift
from interlock.data.integrity import integrity
from interlock.data.label_times import LabelTimes, MeasuredDelay
from interlock.data.observed import observe
from interlock.data.profile import profile
from interlock.data.request import Field
from interlock.evaluate.leakage import Absence, Revealed
from interlock.evaluate.predicted import Predicted
from interlock.gates.data.coverage import SegmentCoverage
from interlock.gates.data.measurement import DataMeasurement, InputMeasurement, SegmentCount
from interlock.gates.model.measurement import ModelMeasurement, TuneRows
from interlock.gates.service.faults import FAULTS
from interlock.gates.service.form import Form
from interlock.gates.service.measurement import (
    ContractOutcome,
    LatencyWindow,
    ServiceMeasurement,
)
from interlock.gates.service.stress import FaultOutcome, FuzzOutcome, LoadStep, LoadWindow

FIELDS = [Field(name="rooms", kind="int"), Field(name="wall", kind="str")]


def rows(n, *, mean=0.0):
    """Columns of rooms and walls."""
    rng = np.random.default_rng(n)
    return {"rooms": rng.normal(mean, 1.0, n), "wall": ["brick", "wood"] * (n // 2)}


@pytest.fixture
def compared():
    """Measures so many rows, their mean so far off, against a profile of two thousand."""

    def measure(n=1_000, *, before=2_000, **kind):
        reference = profile(FIELDS, rows(before), seen=rows(before))
        now = observe(FIELDS, rows(n, **kind))
        return {"drift": drift(reference, now), "faults": integrity(reference, now)}

    return measure


@pytest.fixture
def sound_data(compared):
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
        rows_kept=9_500,
        missing={"price": 0, "garage": 400},
        inputs=InputMeasurement(
            revealed=(
                Revealed(name="rooms", measure="rank correlation", strength=0.61, n=7_000),
                Revealed(name="wall", measure="rank correlation", strength=0.2, n=7_000),
            ),
            target_varies=True,
            has_champion=True,
            **compared(),
        ),
        label_times=LabelTimes(
            rows=9_500,
            waiting=500,
            newest=900,
            newest_without=9,
            older=8_100,
            older_without=91,
            delay=DAY,
            measured=MeasuredDelay(n=9_000, late=90, median=DAY // 2, p95=DAY),
        ),
        absences=(
            Absence(
                name="rooms", missing_with=5, rows_with=9_400, missing_without=0, rows_without=100
            ),
        ),
        coverage={
            SegmentCoverage("zone").key: SegmentCount(
                segments=12,
                covered=10,
                rows=1_000,
                uncovered=40,
                reasons={"zone b: 3 rows of training, 30 needed": 40},
            )
        },
        outlier_values={"price": 7_000},
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
        champion_left_out={"not covered by it": 40},
        target_unit="USD",
        columns={"where": ["town", "lake", "hill", "moor", "dell"] * 200, "size": y},
        automatic=("where", "size"),
        low=y * 0.9,
        high=y * np.where(rng.permutation(1_000) % 5, 1.1, 0.95),
        promised=0.8,
        tune=TuneRows(
            y=y[:300],
            predictions={
                "boosting": y[:300] * rng.lognormal(0, 0.10, 300),
                "median": y[:300] * rng.lognormal(0, 0.30, 300),
            },
        ),
    )


@pytest.fixture
def sound_classes():
    """The same for two classes: well calibrated, and the same for every group."""
    rng = np.random.default_rng(2)
    odds = {name: rng.uniform(0, 1, 6_000) for name in ("boosting", "prior")}
    y = (rng.random(6_000) < odds["boosting"]).astype(float)
    said = {name: np.column_stack([1 - odd, odd]) for name, odd in odds.items()}
    return ModelMeasurement(
        metric="log_loss",
        y=y,
        predictions={name: Predicted.of(values) for name, values in said.items()},
        winner="boosting",
        baselines=("prior",),
        seed=7,
        champion=None,
        champion_prediction=None,
        champion_rows=None,
        columns={"where": rng.permutation(["town", "lake"] * 3_000).tolist()},
        automatic=("where",),
    )


@pytest.fixture
def sound_service():
    """A measurement that passes every check of the service gate."""
    window = LatencyWindow(n=150, p50_seconds=0.001, p99_seconds=0.004)
    return ServiceMeasurement(
        contracts=(ContractOutcome(consumer="shop", file="shop.json", interactions=4),),
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
        form=Form.FULL,
        part_seconds={"start": 0.6, "parity": 1.4, "load": 9.0},
        cold_start_seconds=(0.5, 0.52, 0.48, 0.6, 0.5, 0.51),
        memory_bytes=120_000_000,
        load=(
            LoadStep(
                offered=200,
                seconds=4.0,
                connections=32,
                limit_seconds=0.25,
                answered=200.0,
                windows=(LoadWindow(n=67, late=0, unanswered=0),) * 12,
                p50_seconds=0.001,
                p99_seconds=0.004,
            ),
        ),
        fuzz=FuzzOutcome(operations=17, sent=1_000, fitting=500),
        faults=tuple(
            FaultOutcome(fault=fault, asked=24, answered=12, refused=12, recovered_seconds=0.1)
            for fault in FAULTS
        ),
    )
