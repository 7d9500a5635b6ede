"""Leakage alarms at the data gate, and labels that come late."""

from dataclasses import replace

import pytest

from interlock.clock import DAY, HOUR
from interlock.errors import AuthorError
from interlock.evaluate.leakage import Absence, Revealed
from interlock.gates.data.labels import LabelDelay
from interlock.gates.data.leakage import NoLeakage
from interlock.gates.data.rows import MinRows
from interlock.gates.gate import run
from interlock.verdict import Exemption, Verdict


def asked(check, measurement):
    return {answer.name: answer for answer in run("data", [check], measurement).checks}


def telling(measurement, **strengths):
    found = [
        Revealed(name=name, measure="AUC", strength=value, n=5_000)
        for name, value in strengths.items()
    ]
    return replace(measurement, inputs=replace(measurement.inputs, revealed=tuple(found)))


def told(measurement, check=None):
    return asked(check or NoLeakage(), measurement)["one input reveals the target"]


def test_the_input_that_tells_most_is_measured(sound_data):
    answer = told(sound_data)
    assert (answer.verdict, answer.measured, answer.threshold) == (Verdict.PASSED, 0.61, 0.99)
    assert answer.evidence["rank correlation"] == {"rooms": 0.61, "wall": 0.2}


def test_what_gives_the_target_away_is_named_and_shuts_the_gate(sound_data):
    answer = told(telling(sound_data, rooms=0.7, tax=0.999, status=1.0))
    assert (answer.verdict, answer.evidence["code"]) == (Verdict.FAILED, "D161")
    assert answer.reason == ("measured 1, must be ≤ 0.99: status (AUC 1.0000), tax (AUC 0.9990)")
    assert not answer.advisory


def test_the_author_may_vouch_for_an_input(sound_data):
    found = telling(sound_data, rooms=0.7, latest=0.999)
    answer = told(found, NoLeakage(allow=["latest"]))
    assert (answer.verdict, answer.measured) == (Verdict.PASSED, 0.7)
    assert answer.evidence["allowed"] == ["latest"]
    everything = told(found, NoLeakage(allow=["latest", "rooms"]))
    assert (everything.verdict, everything.reason) == (
        Verdict.ERROR,
        "every input is allowed to reveal the target",
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"target_varies": False}, "the target is the same in every training row"),
        ({"revealed": ()}, "no input was looked at"),
        (
            {"revealed": (Revealed(name="x", measure="AUC", strength=0.5, n=500, varies=False),)},
            "every input is the same in every training row",
        ),
        (
            {"revealed": (Revealed(name="x", measure="AUC", strength=1.01, n=500),)},
            "how much an input reveals is not a number from 0 to 1",
        ),
    ],
)
def test_where_nothing_varies_nothing_is_shown(sound_data, change, reason):
    found = replace(sound_data, inputs=replace(sound_data.inputs, **change))
    answer = told(found)
    assert (answer.verdict, answer.reason) == (Verdict.ERROR, reason)


def test_few_rows_are_inconclusive(sound_data):
    few = (Revealed(name="x", measure="AUC", strength=0.5, n=99),)
    answer = told(replace(sound_data, inputs=replace(sound_data.inputs, revealed=few)))
    assert (answer.verdict, answer.reason) == (
        Verdict.INCONCLUSIVE,
        "99 rows are too few to judge by; at least 100 are needed",
    )


def absent(measurement, check=None, **counts):
    found = Absence(name="closed_by", **counts)
    measured = replace(measurement, absences=(found,))
    return asked(check or NoLeakage(), measured)["missing when the target is"]


def test_a_field_missing_exactly_when_the_target_is_shuts_the_gate(sound_data):
    counts = {"missing_with": 9, "rows_with": 900, "missing_without": 99, "rows_without": 100}
    answer = absent(sound_data, **counts)
    assert (answer.verdict, answer.evidence["code"]) == (Verdict.FAILED, "D162")
    assert answer.reason == (
        "measured 1, must be ≤ 0: closed_by is missing in 99 of 100 rows without a label "
        "and in 9 of 900 with one"
    )
    vouched = absent(sound_data, NoLeakage(allow=["closed_by"]), **counts)
    assert vouched.verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ((900, 900, 0, 100), Verdict.FAILED),
        ((10, 900, 100, 100), Verdict.PASSED),
        ((0, 900, 98, 100), Verdict.PASSED),
        ((0, 900, 29, 29), Verdict.PASSED),
        ((0, 29, 900, 900), Verdict.PASSED),
        ((0, 900, 30, 30), Verdict.FAILED),
        ((0, 900, 0, 0), Verdict.PASSED),
    ],
)
def test_how_exact_and_on_how_many_rows(sound_data, counts, verdict):
    names = ("missing_with", "rows_with", "missing_without", "rows_without")
    assert absent(sound_data, **dict(zip(names, counts, strict=True))).verdict is verdict


@pytest.mark.parametrize("limit", [0.4, 1.0, float("nan"), "0.99"])
def test_a_limit_that_cannot_be_used(limit):
    with pytest.raises(AuthorError, match="D150"):
        NoLeakage(limit=limit).validate()


# -- labels ----------------------------------------------------------------------------------------


def times(measurement, **changes):
    return replace(measurement, label_times=replace(measurement.label_times, **changes))


def test_labels_that_come_as_declared_pass(sound_data):
    answers = asked(LabelDelay(), sound_data)
    assert {name: a.verdict for name, a in answers.items()} == {
        "labels later than declared": Verdict.PASSED,
        "labels missing when due": Verdict.PASSED,
        "labels not due yet": Verdict.PASSED,
    }
    assert all(answer.advisory for answer in answers.values())
    assert not any(a.advisory for a in asked(LabelDelay(blocking=True), sound_data).values())


def test_labels_later_than_declared_say_how_late(sound_data):
    measured = replace(sound_data.label_times.measured, late=540, p95=3 * DAY + HOUR - 5)
    answer = asked(LabelDelay(), times(sound_data, measured=measured))["labels later than declared"]
    assert (answer.verdict, answer.evidence["code"]) == (Verdict.FAILED, "D165")
    assert answer.reason == ("measured 6 %, must be ≤ 5 %: declared 1d, 95 % were known within 73h")
    unmeasured = asked(LabelDelay(), times(sound_data, measured=None))
    assert list(unmeasured) == ["labels missing when due", "labels not due yet"]


def test_labels_missing_where_they_have_just_come_due(sound_data):
    answer = asked(LabelDelay(), times(sound_data, newest_without=60))["labels missing when due"]
    assert answer.verdict is Verdict.FAILED
    assert answer.reason == (
        "measured 6.667 %, must be ≤ 6.123 %: of the newest 900 rows that are due; "
        "of the older ones 1.123 %"
    )


def test_few_rows_that_are_due_are_inconclusive(sound_data):
    few = times(
        sound_data, rows=399, waiting=0, newest=200, newest_without=0, older=199, older_without=0
    )
    answer = asked(LabelDelay(), few)["labels missing when due"]
    assert (answer.verdict, answer.reason) == (
        Verdict.INCONCLUSIVE,
        "399 rows are due, too few to judge by; at least 400 are needed",
    )


def test_too_many_rows_that_wait(sound_data):
    waiting = times(sound_data, rows=18_001, waiting=9_001)
    answer = asked(LabelDelay(), waiting)["labels not due yet"]
    assert (answer.verdict, answer.threshold) == (Verdict.FAILED, 0.5)


def test_without_time_labels_are_not_waited_for(sound_data):
    (answer,) = asked(LabelDelay(), replace(sound_data, has_time=False)).values()
    assert (answer.verdict, answer.exemption) == (Verdict.NOT_APPLICABLE, Exemption.NO_TIME)


def test_advice_on_labels_never_shuts_the_gate(sound_data):
    late = times(sound_data, newest_without=900)
    assert run("data", [MinRows(1), LabelDelay()], late).opens
    assert not run("data", [MinRows(1), LabelDelay(blocking=True)], late).opens
