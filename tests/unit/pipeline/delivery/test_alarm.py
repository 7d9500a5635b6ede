"""What says that the product is in trouble gets a name of its own."""

import numpy as np

from interlock.gates.gate import run
from interlock.gates.model.baselines import BeatsBaselines
from interlock.gates.model.measurement import ModelMeasurement
from interlock.pipeline.delivery.alarm import (
    BASELINE_ON_TOP,
    NOTHING_RANKED,
    alarms_of,
    nothing_ranked,
)
from interlock.verdict import Check, GateResult, Verdict

PAIR = {
    "code": "M205", "metric": "mdape", "candidate": "ridge", "candidate_value": 0.2,
    "reference": "median", "reference_value": 0.1, "baseline_on_top": True,
}  # fmt: skip


def check(verdict=Verdict.FAILED, **evidence):
    return Check(name="beats baseline median", verdict=verdict, evidence=evidence)


def test_every_baseline_on_top_is_told_with_its_numbers():
    second = PAIR | {"reference": "mean", "reference_value": 0.15}
    (alarm,) = alarms_of(GateResult(gate="model", checks=(check(**PAIR), check(**second))))
    assert alarm.kind == BASELINE_ON_TOP
    assert [row["reference"] for row in alarm.body["baselines"]] == ["median", "mean"]
    assert alarm.to_row() == {"event": "baseline on top", **alarm.body}
    assert alarm.body["baselines"][0] == {
        "metric": "mdape", "candidate": "ridge", "candidate_value": 0.2,
        "reference": "median", "reference_value": 0.1,
    }  # fmt: skip


def test_one_that_is_merely_not_beaten_is_no_alarm():
    unsure = check(Verdict.INCONCLUSIVE, **{k: v for k, v in PAIR.items() if "top" not in k})
    assert alarms_of(GateResult(gate="model", checks=(unsure,))) == []
    passed = check(Verdict.PASSED, **PAIR)
    assert alarms_of(GateResult(gate="model", checks=(passed,))) == []


def measurement(*, ridge, median):
    """Rows of which both miss the truth by so much."""
    rng = np.random.default_rng(1)
    y = rng.uniform(100, 200, 400)
    return ModelMeasurement(
        metric="mae",
        y=y,
        predictions={
            "ridge": y + rng.normal(0, ridge, 400),
            "median": y + rng.normal(0, median, 400),
        },
        winner="ridge",
        baselines=("median",),
        seed=1,
        champion=None,
        champion_prediction=None,
        champion_rows=None,
    )


def test_the_gate_itself_says_when_a_baseline_is_on_top():
    (alarm,) = alarms_of(run("model", [BeatsBaselines()], measurement(ridge=9, median=3)))
    (row,) = alarm.body["baselines"]
    assert row["reference"] == "median"
    assert row["reference_value"] < row["candidate_value"]
    assert alarms_of(run("model", [BeatsBaselines()], measurement(ridge=3, median=9))) == []


def test_why_no_candidate_was_ranked():
    failure = [{"code": "T108", "what": "the fit failed"}, {"code": "T156", "what": "inexact"}]
    alarm = nothing_ranked(
        {
            "ridge": {"baseline": False, "failure": failure},
            "boosting": {"baseline": False, "failure": None},
            "median": {"baseline": True, "failure": None},
        }
    )
    assert alarm.kind == NOTHING_RANKED
    assert alarm.body["candidates"] == {
        "ridge": "T108: the fit failed; T156: inexact",
        "boosting": "no finite metric on the tune rows",
    }
