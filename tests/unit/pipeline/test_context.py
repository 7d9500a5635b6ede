"""A stage runs once for the same inputs, never half, and says whether it had to."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.digest import canonical_json, digest_json
from interlock.pipeline.context import STAGE_FORMAT, versions
from interlock.pipeline.narrator import Silent
from interlock.report.content import Step, StepStatus

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


class Counting:
    """A computation that counts how often it ran."""

    def __init__(self, output):
        self.output = output
        self.runs = 0

    def __call__(self):
        self.runs += 1
        return self.output


def test_the_same_inputs_give_the_output_again_without_running(bench):
    context, compute = bench.context(), Counting({"rows": 3, "ends": [1, 2]})
    first = context.run("train", {"a": 1, "b": [2]}, compute)
    again = context.run("train", {"b": [2], "a": 1}, compute)
    assert compute.runs == 1
    assert (first.cached, again.cached) == (False, True)
    assert first.output == again.output == {"rows": 3, "ends": [1, 2]}
    assert first.key == again.key
    assert first.stage == again.stage == "train"
    assert first.seconds >= 0
    assert again.seconds >= 0


def test_other_inputs_or_another_stage_run(bench):
    context, compute = bench.context(), Counting({})
    context.run("train", {"a": 1}, compute)
    for stage, inputs in (
        ("train", {"a": 2}),
        ("train", {"a": "1"}),
        ("train", {"a": 1, "b": None}),
        ("train", {}),
        ("judge", {"a": 1}),
    ):
        assert not context.run(stage, inputs, compute).cached
    assert compute.runs == 6


def test_a_stage_that_raises_leaves_nothing_and_runs_again(bench):
    context = bench.context()

    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        context.run("train", {"a": 1}, fail)
    compute = Counting({"fine": True})
    assert not context.run("train", {"a": 1}, compute).cached
    assert compute.runs == 1


def test_an_output_that_is_not_json_is_an_error_and_leaves_nothing(bench):
    context = bench.context()
    for bad in ({"x": float("nan")}, {"x": {1, 2}}, {"x": b"bytes"}):
        with pytest.raises((TypeError, ValueError)):
            context.run("train", {"a": 1}, Counting(bad))
    assert not context.run("train", {"a": 1}, Counting({})).cached


def test_another_context_on_the_same_ledger_knows_it(bench):
    bench.context().run("train", {"a": 1}, Counting({"rows": 3}))
    compute = Counting({"rows": 4})
    later = bench.context(as_of="1997-03-01").run("train", {"a": 1}, compute)
    assert (later.cached, later.output, compute.runs) == (True, {"rows": 3}, 0)


def test_each_run_is_an_event_of_the_product(bench):
    context = bench.context()
    for _ in range(2):
        found = context.run("train", {"a": 1}, Counting({"rows": 3}))
    (event,) = [e for e in bench.ledger.events() if e.kind == "stage finished"]
    assert (event.subject, event.product) == (found.key, "houses")
    assert event.body["output"] == {"rows": 3}


def test_the_key_is_a_digest_of_name_and_inputs(bench):
    found = bench.context().run("train", {"a": 1}, Counting({}))
    again = {
        "format": STAGE_FORMAT,
        "stage": "train",
        "product": "houses",
        "versions": versions(),
        "inputs": {"a": 1},
    }
    assert found.key == digest_json(again)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(json_values)
def test_a_json_value_is_kept_as_its_canonical_bytes(bench, value):
    context = bench.context()
    digest = context.put_json(value)
    assert context.get_json(digest) == value
    assert context.artifacts.get(digest) == canonical_json(value)
    assert context.put_json(value) == digest


def test_what_is_read_once_is_read_once(bench):
    context, read = bench.context(), Counting("made")
    assert [context.once("table", "a", read) for _ in range(3)] == ["made"] * 3
    assert read.runs == 1
    context.once("table", "b", read)
    context.once("other", "a", read)
    assert read.runs == 3
    bench.context().once("table", "a", read)
    assert read.runs == 4


def test_the_silent_narrator_says_nothing(capsys):
    silent = Silent()
    silent.started("train")
    silent.progress("train", 1, 2)
    silent.finished(Step(name="train", status=StepStatus.RAN))
    assert capsys.readouterr() == ("", "")
