"""What is measured of the inputs: by a stage of its own, against the champion's own profile."""

import json
from datetime import date, timedelta
from types import SimpleNamespace

import pytest

import interlock as il
from interlock.data.profile import profile
from interlock.gates.data.measurement import InputMeasurement
from interlock.pipeline.judging.data import judge_data
from interlock.pipeline.judging.inputs import measure_inputs
from interlock.pipeline.rows.dividing import split_examples
from interlock.pipeline.rows.examples import load_examples, make_examples
from interlock.pipeline.rows.snapshots import take_snapshots
from interlock.pipeline.telling import tell_data
from interlock.stats.drift import Level
from interlock.verdict import Verdict

SPLIT = il.HashSplit(tune=0.1, calibrate=0.1, test=0.4)


@il.feature
def tax(built: int) -> float:
    return built * 0.5


def champion(row, digest="a" * 64):
    return SimpleNamespace(digest=digest, json=lambda name: {"profile.json": row}[name])


@pytest.fixture
def many(bench):
    """Two thousand sales, of whose rows some are the test rows."""
    n = 2_000
    bench.write(
        sale_id=list(range(n)),
        sold_on=_days(n),
        built=[1950 + k % 50 for k in range(n)],
        zone=["north" if k % 2 else "south" for k in range(n)],
        wall=["brick"] * n,
        price=[10_000 + 7 * (k % 450) for k in range(n)],
    )
    return bench


def _days(n):
    return [date(1997, 1, 1) + timedelta(days=k % 20) for k in range(n)]


def measured(context, live=None):
    examples = make_examples(context, take_snapshots(context))
    return examples, measure_inputs(context, examples, live)


def reference_of(context, examples, **changes):
    rows = load_examples(context, examples.output)
    columns = rows.columns() | changes
    return profile(rows.inputs, columns, seen=columns).to_row()


def test_without_a_champion_only_leakage_is_looked_at(many):
    _, outcome = measured(many.context(split=SPLIT))
    found = InputMeasurement.from_row(json.loads(json.dumps(outcome.output)))
    assert not found.has_champion
    assert (found.drift, found.faults, found.problem) == ((), (), "")
    assert {one.name for one in found.revealed} == {"built", "zone"}
    assert found.target_varies


def test_todays_rows_are_held_to_the_champions_profile(many):
    context = many.context(split=SPLIT)
    examples, _ = measured(context)
    same = reference_of(context, examples)
    _, outcome = measured(context, champion(same))
    found = InputMeasurement.from_row(outcome.output)
    assert {(one.name, one.level) for one in found.drift} == {
        ("built", Level.OK),
        ("zone", Level.OK),
    }
    moved = reference_of(context, examples, zone=["north"] * 1_990 + ["east"] * 10)
    _, outcome = measured(context, champion(moved, "b" * 64))
    levels = {d["name"]: d["level"] for d in outcome.output["drift"]}
    assert levels == {"built": "ok", "zone": "high"}
    rates = {(f["name"], f["fault"]): f["level"] for f in outcome.output["faults"]}
    assert rates["zone", "unseen"] == "high"


def test_another_champion_is_another_question(many):
    context = many.context(split=SPLIT)
    examples, first = measured(context)
    row = reference_of(context, examples)
    asked = [measured(context, champion(row, d * 64))[1].cached for d in ("c", "c", "d")]
    assert asked == [False, True, False]
    assert measured(context)[1].cached
    assert not first.cached


@pytest.mark.parametrize("row", [{}, {"inputs": [{"name": "zone"}]}, {"inputs": 3}])
def test_a_profile_that_cannot_be_read_is_a_problem_not_a_pass(many, row):
    context = many.context(split=SPLIT, data_gate=[il.MinRows(5), il.Drift(blocking=True)])
    snapshots = take_snapshots(context)
    examples = make_examples(context, snapshots)
    split = split_examples(context, examples).output
    result = judge_data(context, snapshots, examples, split, champion(row))
    answers = {check.name: check for check in result.checks}
    assert answers["drift"].verdict is Verdict.ERROR
    assert answers["drift"].evidence["code"] == "D166"
    assert answers["drift"].reason.startswith("the champion's profile cannot be used: ")
    assert not result.opens


def test_inputs_that_only_one_of_the_two_has_are_named(many):
    context = many.context(split=SPLIT)
    examples, _ = measured(context)
    row = reference_of(context, examples)
    for one in row["inputs"]:
        if one["name"] == "zone":
            one["name"] = "quarter"
    _, outcome = measured(context, champion(row, "e" * 64))
    assert outcome.output["apart"] == ["quarter", "zone"]
    assert [d["name"] for d in outcome.output["drift"]] == ["built"]


def test_a_target_that_never_varies_has_nothing_to_reveal(many):
    many.write(price=[10_000] * 10)
    _, outcome = measured(many.context())
    assert (outcome.output["target_varies"], outcome.output["revealed"]) == (False, [])


def test_a_copy_of_the_target_is_found(many):
    n = 1_000
    many.write(
        sale_id=list(range(n)),
        sold_on=_days(n),
        built=[1950 + k % 50 for k in range(n)],
        zone=["north"] * n,
        wall=["brick"] * n,
        price=[10_000 + 3 * (k % 50) for k in range(n)],
    )
    context = many.context(split=SPLIT, features=[tax])
    snapshots = take_snapshots(context)
    examples = make_examples(context, snapshots)
    split = split_examples(context, examples).output
    result = judge_data(context, snapshots, examples, split)
    (answer,) = [c for c in result.checks if c.name == "one input reveals the target"]
    assert answer.verdict is Verdict.FAILED
    assert answer.reason.endswith("built (rank correlation 1.0000), tax (rank correlation 1.0000)")


def test_the_report_is_told_both_distributions(many):
    context = many.context(split=SPLIT)
    snapshots = take_snapshots(context)
    examples = make_examples(context, snapshots)
    split = split_examples(context, examples).output
    live = champion(reference_of(context, examples))
    told = tell_data(context, snapshots, examples, split, live)
    (zone,) = [one for one in told.drift if one.name == "zone"]
    assert zone.labels == ("north", "south", "other", "missing")
    assert zone.before == (1_000, 1_000, 0, 0)
    assert sum(zone.now) == split["rows"]["test"]
    assert {one.fault for one in told.faults} == {"missing", "unseen", "out of range"}
    assert told.label_times.rows == 2_000
    assert tell_data(context, snapshots, examples, split).drift == ()
