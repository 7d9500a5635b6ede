"""Directions, invariances and examples: shares with intervals, worst examples, and no free pass."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.digest import canonical_json
from interlock.errors import AuthorError
from interlock.gates.gate import run
from interlock.gates.model.behaviour import Directional, Invariant
from interlock.gates.model.expect import Expect
from interlock.gates.model.tried import Expected, Tried
from interlock.stats.intervals import share_interval
from interlock.verdict import GateResult, Verdict

BATHS = Directional("full_baths", add=1, never_lowers_by="2%")


def tried(before, after, **changes):
    before, after = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    n = len(before)
    parts = {
        "rows": np.arange(n),
        "requests": {"full_baths": [1] * n, "sold": [date(1997, 1, 1)] * n},
        "became": [2] * n,
    }
    return Tried(before=before, after=after, **(parts | changes))


def falling(n, violations, by=0.05):
    """Answers of 100 that rise, but for some that fall."""
    after = np.full(n, 101.0)
    after[:violations] = 100.0 * (1 - by)
    return tried(np.full(n, 100.0), after)


def judged(sound_model, check, found):
    measurement = replace(sound_model, behaviour={check.key: found})
    (answer,) = run("model gate", [check], measurement).checks
    canonical_json(answer.to_row())
    assert GateResult.from_row(GateResult(gate="model", checks=(answer,)).to_row()).checks == (
        answer,
    )
    return answer


@pytest.mark.parametrize(
    ("n", "violations", "verdict"),
    [
        (1_000, 0, Verdict.PASSED),
        (368, 0, Verdict.PASSED),
        (367, 0, Verdict.INCONCLUSIVE),
        (99, 0, Verdict.INCONCLUSIVE),
        (1_000, 3, Verdict.PASSED),
        (1_000, 10, Verdict.INCONCLUSIVE),
        (1_000, 20, Verdict.FAILED),
        (50, 50, Verdict.INCONCLUSIVE),
    ],
)
def test_the_whole_interval_of_the_share_decides(sound_model, n, violations, verdict):
    answer = judged(sound_model, BATHS, falling(n, violations))
    assert answer.verdict is verdict
    assert (answer.measured, answer.threshold, answer.n) == (violations / n, 0.01, n)
    low, high = share_interval(violations, n)
    assert (answer.interval.low, answer.interval.high) == (low, high)


def test_a_check_does_not_pass_on_the_few_that_the_release_did_not_refuse(sound_model):
    for refused, verdict in ((111, Verdict.PASSED), (112, Verdict.ERROR), (9_000, Verdict.ERROR)):
        found = replace(falling(1_000, 0), skipped={"refused": refused, "unchanged": 5_000})
        assert judged(sound_model, BATHS, found).verdict is verdict
    answer = judged(sound_model, BATHS, found)
    assert answer.reason == "9,000 of 10,000 changed requests were refused; 10 % may be"
    assert answer.evidence["code"] == "M232"


def test_inconclusive_says_exactly_how_many_rows_would_decide(sound_model):
    answer = judged(sound_model, BATHS, falling(200, 0))
    assert answer.evidence["rows_needed"] == 368
    assert answer.reason == (
        "measured 0 %, 95 % interval 0 % to 1.828 %, must be ≤ 1 %; "
        "about 368 rows would decide, there are 200"
    )


def test_a_failure_shows_the_worst_requests(sound_model):
    after = np.full(1_000, 100.0)
    after[[3, 5, 8, 13]] = 90.0, 70.0, 80.0, 95.0
    after[20:60] = 97.9
    answer = judged(sound_model, BATHS, tried(np.full(1_000, 100.0), after))
    shown = answer.evidence["behaviour"]
    assert (shown["rows"], shown["violations"], shown["kind"]) == (1_000, 44, "directional")
    assert [one["after"] for one in shown["worst"]] == [70.0, 80.0, 90.0]
    assert shown["worst"][0] == {
        "request": {"full_baths": 1, "sold": "1997-01-01"},
        "field": "full_baths",
        "was": 1,
        "became": 2,
        "before": 100.0,
        "after": 70.0,
    }
    assert answer.evidence["code"] == "M231"
    assert answer.reason.endswith("; for example full_baths 1 → 2: answered 70, before 100")


@pytest.mark.parametrize(
    ("check", "after", "violates"),
    [
        (Directional("full_baths", add=1, never_lowers_by="2%"), 98.0, False),
        (Directional("full_baths", add=1, never_lowers_by="2%"), 97.9, True),
        (Directional("full_baths", add=1, never_lowers_by=0), 100.0, False),
        (Directional("full_baths", add=1, never_lowers_by=0), 99.99, True),
        (Directional("full_baths", add=1, never_lowers_by=5.0), 95.0, False),
        (Directional("full_baths", add=1, never_raises_by="2%"), 10.0, False),
        (Directional("full_baths", add=1, never_raises_by="2%"), 102.1, True),
        (Invariant("full_baths", values=[2]), 100.0, False),
        (Invariant("full_baths", values=[2]), 100.0000001, True),
        (Invariant("full_baths", shuffled=True, tolerance="1%"), 99.1, False),
        (Invariant("full_baths", shuffled=True, tolerance="1%"), 98.9, True),
    ],
)
def test_what_breaks_each_rule(sound_model, check, after, violates):
    answer = judged(sound_model, check, tried(np.full(500, 100.0), np.full(500, after)))
    assert answer.verdict is (Verdict.FAILED if violates else Verdict.PASSED)


def test_relative_room_is_of_the_size_of_the_answer(sound_model):
    assert judged(sound_model, BATHS, tried(np.full(500, -100.0), np.full(500, -101.9))).opens
    assert not judged(sound_model, BATHS, tried(np.full(500, -100.0), np.full(500, -102.1))).opens


def test_a_row_that_breaks_the_rule_once_breaks_it(sound_model):
    check = Invariant("full_baths", values=[2, 3], max_share=0.4)
    rows = np.concatenate([np.arange(500), np.arange(500)])
    after = np.full(1_000, 100.0)
    after[:100], after[900:] = 1.0, 2.0
    found = tried(np.full(1_000, 100.0), after, rows=rows, became=[2] * 500 + [3] * 500)
    answer = judged(sound_model, check, found)
    assert (answer.n, answer.measured) == (500, 0.4)
    assert len({one["after"] for one in answer.evidence["behaviour"]["worst"]}) == 1


def test_of_classes_any_probability_may_not_move(sound_model):
    check = Invariant("full_baths", shuffled=True, tolerance=0.05)
    before = np.tile([0.2, 0.3, 0.5], (400, 1))
    same = before + np.array([0.04, -0.04, 0.0])
    moved = before + np.array([0.1, 0.0, -0.1])
    assert judged(sound_model, check, tried(before, same)).opens
    answer = judged(sound_model, check, tried(before, moved))
    assert answer.verdict is Verdict.FAILED
    assert answer.reason.endswith(": answered 0.3, 0.3, 0.4, before 0.2, 0.3, 0.5")


def test_no_share_at_all_counts_the_rows_tried(sound_model):
    strict = replace(BATHS, max_share=0)
    passed = judged(sound_model, strict, falling(100, 0))
    assert (passed.verdict, passed.interval) == (Verdict.PASSED, None)
    assert judged(sound_model, strict, falling(100_000, 1)).verdict is Verdict.FAILED
    few = judged(sound_model, strict, falling(99, 0))
    assert few.verdict is Verdict.INCONCLUSIVE
    assert few.reason == "99 rows are too few to judge by; at least 100 are needed"


def test_rows_of_one_unit_are_no_more_than_one(sound_model):
    found = falling(4_000, 0)
    alone = judged(sound_model, BATHS, found)
    units = judged(sound_model, BATHS, replace(found, units=np.arange(4_000) % 200))
    assert (alone.verdict, units.verdict) == (Verdict.PASSED, Verdict.INCONCLUSIVE)
    assert units.interval.high == share_interval(0, 200)[1]
    few = judged(sound_model, BATHS, replace(found, units=np.arange(4_000) % 20))
    assert few.reason == "20 independent units are too few to judge by; at least 30 are needed"


@given(n=st.integers(100, 400), violations=st.integers(0, 40), seed=st.integers(0, 9))
def test_passing_is_shown_by_the_interval_never_by_the_share_alone(n, violations, seed):
    rng = np.random.default_rng(seed)
    after = np.full(n, 100.0)
    after[rng.choice(n, violations, replace=False)] = 1.0
    measurement = _Bare(behaviour={BATHS.key: tried(np.full(n, 100.0), after)})
    (answer,) = run("model gate", [BATHS], measurement).checks
    assert answer.opens == (share_interval(violations, n)[1] <= 0.01)


class _Bare:
    """A measurement with nothing but behaviour."""

    winner, target_unit = "boosting", "USD"

    def __init__(self, behaviour=None, expected=None):
        self.behaviour, self.expected = behaviour or {}, expected or {}


NOTHING = {"rows": np.array([], dtype=int), "requests": {"full_baths": []}, "became": []}


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "no changed request was answered"),
        (tried([], [], **NOTHING), "no request could be tried"),
        (
            tried([], [], skipped={"unchanged": 1_200}, **NOTHING),
            "no request could be tried (left out: 1,200 unchanged)",
        ),
        (falling(500, 0, by=0.0), None),
        (tried([np.nan] * 500, [1.0] * 500), "an answer is not a finite number"),
        (tried([1.0] * 500, [np.inf] + [1.0] * 499), "an answer is not a finite number"),
        (tried([1.0] * 500, [1.0] * 499), "answers and requests are not of one number"),
    ],
)
def test_what_was_not_measured_is_an_error(sound_model, found, reason):
    for check in (BATHS, replace(BATHS, max_share=0), Invariant("full_baths", values=[2])):
        behaviour = {} if found is None else {check.key: found}
        (answer,) = run("gate", [check], replace(sound_model, behaviour=behaviour)).checks
        if reason is None:
            assert answer.verdict is not Verdict.ERROR
        else:
            assert (answer.verdict, answer.reason) == (Verdict.ERROR, reason)
            assert answer.evidence["code"] == "M232"


def test_answers_to_another_check_do_not_count(sound_model):
    other = replace(BATHS, add=2)
    measurement = replace(sound_model, behaviour={other.key: falling(1_000, 0)})
    (answer,) = run("gate", [BATHS], measurement).checks
    assert answer.verdict is Verdict.ERROR


BIG = Expect({"rooms": 12}, at_least=90_000, at_most=200_000, name="a big house")


@pytest.mark.parametrize(
    ("value", "verdicts"),
    [
        (90_000.0, ["passed", "passed"]),
        (89_999.9, ["failed", "passed"]),
        (200_001.0, ["passed", "failed"]),
        (float("nan"), ["error", "error"]),
        (None, ["error", "error"]),
    ],
)
def test_an_example_is_held_to_exactly(sound_model, value, verdicts):
    expected = {BIG.key: Expected(value=value, answered=value)}
    result = run("gate", [BIG], replace(sound_model, expected=expected))
    canonical_json(result.to_row())
    assert [check.verdict.value for check in result.checks] == verdicts
    assert {check.name for check in result.checks} == {"a big house"}


def test_an_example_says_what_was_answered(sound_model):
    expected = {BIG.key: Expected(value=80_000.0, answered=80_000.0)}
    first, _ = run("gate", [BIG], replace(sound_model, expected=expected)).checks
    assert first.reason == "answered 80,000 USD, must be ≥ 90,000 USD"
    assert first.evidence == {
        "code": "M233",
        "behaviour": {
            "kind": "example",
            "candidate": "boosting",
            "rows": 1,
            "violations": 1,
            "skipped": {},
            "worst": [{"request": {"rooms": 12}, "after": 80_000.0}],
        },
    }


@pytest.mark.parametrize(
    ("answered", "verdict", "reason"),
    [
        ("late", "passed", ""),
        ("early", "failed", "answered early, must be late"),
        (None, "failed", "answered None, must be late"),
    ],
)
def test_an_example_of_a_class(sound_model, answered, verdict, reason):
    check = Expect({"carrier": "AA"}, equals="late")
    expected = {check.key: Expected(answered=answered)}
    (answer,) = run("gate", [check], replace(sound_model, expected=expected)).checks
    assert (answer.verdict.value, answer.reason) == (verdict, reason)
    assert answer.name == 'expected of {"carrier": "AA"}'


@pytest.mark.parametrize("found", [None, Expected(reason="feature age: ValueError: no")])
def test_an_example_without_an_answer_is_an_error(sound_model, found):
    expected = {} if found is None else {BIG.key: found}
    (answer,) = run("gate", [BIG], replace(sound_model, expected=expected)).checks
    why = "it was not asked" if found is None else found.reason
    assert (answer.verdict, answer.reason) == (
        Verdict.ERROR,
        f"the example has no answer: {why}",
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: Directional("a", never_lowers_by=0),
        lambda: Directional("a", add=1, multiply=2, never_lowers_by=0),
        lambda: Directional("a", add=1),
        lambda: Directional("a", add=1, never_lowers_by=0, never_raises_by=0),
        lambda: Directional("a", add=float("nan"), never_lowers_by=0),
        lambda: Directional("a", add=0, never_lowers_by=0),
        lambda: Directional("a", multiply=1.0, never_lowers_by=0),
        lambda: Directional("a", add=1, never_lowers_by=-1),
        lambda: Directional("a", add=1, never_lowers_by="two"),
        lambda: Directional("a", add=1, never_lowers_by=True),
        lambda: Directional("a", add=1, never_lowers_by=0, max_share=0.6),
        lambda: Directional("a", add=1, never_lowers_by=0, max_share=-0.1),
        lambda: Invariant("a"),
        lambda: Invariant("a", values=[1], shuffled=True),
        lambda: Invariant("a", values="text"),
        lambda: Invariant("a", values=[1], tolerance=float("inf")),
        lambda: Expect({"a": 1}),
        lambda: Expect({"a": 1}, at_least=1, equals="x"),
        lambda: Expect({"a": 1}, at_least=2, at_most=1),
        lambda: Expect({"a": 1}, at_least=float("nan")),
        lambda: Expect([1], at_least=1),
    ],
)
def test_what_cannot_be_used_is_refused(make):
    with pytest.raises(AuthorError) as refused:
        make().validate()
    assert refused.value.code == "M230"


def test_names_and_rows_say_what_is_declared():
    when = date(1997, 1, 1)
    found = {
        Directional("area", multiply=1.1, never_raises_by="0.5%"): (
            "area × 1.1 never raises it by over 0.5 %",
            {"multiply": 1.1, "never_raises_by": "0.5%"},
        ),
        Directional("rooms", add=-1, never_raises_by=500): (
            "rooms − 1 never raises it by over 500",
            {"add": -1, "never_raises_by": 500},
        ),
        Directional("built_on", set=when, never_lowers_by=0): (
            "built_on = 1997-01-01 never lowers it by over 0",
            {"set": "1997-01-01", "never_lowers_by": 0},
        ),
    }
    for check, (name, row) in found.items():
        assert check.name == name
        expected = {"check": "Directional", "field": check.field, "max_share": 0.01, **row}
        assert check.to_row() == expected
    missing = Directional("garage", set=None, never_raises_by=0)
    assert missing.name == "garage = None never raises it by over 0"
    assert missing.to_row()["set"] is None
    assert missing.key != Directional("garage", set=0, never_raises_by=0).key


@pytest.mark.parametrize(
    ("check", "value", "whole", "expected"),
    [
        (Directional("a", add=1, never_lowers_by=0), 3, True, 4),
        (Directional("a", multiply=1.1, never_lowers_by=0), 15, True, 16),
        (Directional("a", multiply=1.5, never_lowers_by=0), 15, False, 22.5),
        (Directional("a", multiply=0, never_lowers_by=0), 15, True, 0),
        (Directional("a", add=1, never_lowers_by=0), None, True, None),
        (Directional("a", set=None, never_lowers_by=0), 3, True, None),
        (Directional("a", set="x", never_lowers_by=0), None, False, "x"),
    ],
)
def test_how_a_value_is_changed(check, value, whole, expected):
    assert check.change(value, whole=whole) == expected
