"""Behaviour checks that do not fit the request: their exact words."""

from datetime import date

import pytest

import interlock as il


class House(il.Request):
    valued_on: date = il.asked_at(zone="UTC")
    built: int = il.field(ge=1900)
    zone: str
    garage: int | None = None


EXAMPLE = {"valued_on": "1997-01-05", "built": 1950, "zone": "north"}
GATE = [il.BeatsBaselines()]

WORDS = [
    (
        il.Directional("builtt", add=1, never_lowers_by=0),
        "error[C144]: a check changes 'builtt', which is no field of the request\n"
        "  where: model_gate, Directional\n"
        "  expected: one of built, zone, garage\n"
        "  got: builtt\n"
        "  fix: did you mean 'built'?",
    ),
    (
        il.Invariant("valued_on", shuffled=True),
        "error[C144]: a check changes 'valued_on', which is the prediction time, whose history "
        "would change too\n"
        "  where: model_gate, Invariant\n"
        "  expected: one of built, zone, garage\n"
        "  got: valued_on\n"
        "  fix: name another field of the request",
    ),
    (
        il.Directional("zone", add=1, never_lowers_by=0),
        "error[C144]: a check adds to, or multiplies, 'zone', which is no number\n"
        "  where: model_gate, Directional\n"
        "  expected: add= and multiply= on int and float; set= on any field\n"
        "  got: str\n"
        "  fix: write set=…",
    ),
    (
        il.Directional("built", add=0.5, never_lowers_by=0),
        "error[C144]: a check adds a part of one to 'built', which is a whole number\n"
        "  where: model_gate, Directional\n"
        "  expected: a whole number in add=\n"
        "  got: 0.5\n"
        "  fix: add a whole number, or multiply",
    ),
    (
        il.Directional("built", set=1850, never_lowers_by=0),
        "error[C144]: a check gives 'built' a value that the request refuses\n"
        "  where: model_gate, Directional\n"
        "  expected: must be ≥ 1900\n"
        "  got: 1850\n"
        "  fix: give a value that a consumer could send",
    ),
    (
        il.Invariant("built", values=[1950, "old"]),
        "error[C144]: a check gives 'built' a value that the request refuses\n"
        "  where: model_gate, Invariant\n"
        "  expected: must be a whole number\n"
        "  got: 'old'\n"
        "  fix: give a value that a consumer could send",
    ),
    (
        il.Invariant("built", values=[None]),
        "error[C144]: a check gives 'built' a value that the request refuses\n"
        "  where: model_gate, Invariant\n"
        "  expected: a value\n"
        "  got: None\n"
        "  fix: give a value that a consumer could send",
    ),
    (
        il.Expect({"built": 1850, "zonne": "north"}, at_least=0, name="an old house"),
        "error[C144]: an example is not a request that the service would take\n"
        "  where: model_gate, an old house\n"
        "  expected: every field that is required, each with a value that it admits\n"
        "  got: built is out of range; zonne is not a field; did you mean 'zone'?; "
        "valued_on is missing; zone is missing\n"
        "  fix: write the request as a consumer would send it",
    ),
    (
        il.Expect(EXAMPLE, equals="dear", name="a house"),
        "error[C144]: an example expects what the answer cannot be compared with\n"
        "  where: model_gate, a house\n"
        "  expected: at_least= or at_most=\n"
        "  got: equals=\n"
        "  fix: expect a class of classes, and a number of a regression",
    ),
]


@pytest.mark.parametrize(("check", "words"), WORDS)
def test_each_mistake_is_told_in_these_words(project, check, words):
    assert project.mistake(House, model_gate=[*GATE, check]) == words


@pytest.mark.parametrize(
    "check",
    [
        il.Directional("built", add=1, never_lowers_by="1%"),
        il.Directional("built", multiply=1.01, never_lowers_by="1%"),
        il.Directional("garage", set=None, never_raises_by="1%"),
        il.Directional("zone", set="north", never_raises_by="1%"),
        il.Invariant("zone", values=["north", "south"]),
        il.Invariant("garage", values=[None, 0]),
        il.Expect(EXAMPLE, at_least=0),
        il.Expect(EXAMPLE | {"valued_on": date(1997, 1, 5)}, at_most=9e9),
    ],
)
def test_what_a_consumer_could_send_is_taken(project, check):
    assert project.bind(House, model_gate=[*GATE, check]).product.model_gate[1] is check


CLASSES = {
    "target": il.Multiclass("zone"),
    "candidates": {"prior": il.Baseline(il.ClassPrior())},
}


def _codes(project, check, **changes):
    found = project.mistakes(Plain, model_gate=[*GATE, check], **CLASSES, **changes)
    return [(m.code, m.what) for m in found if m.code == "C144"]


class Plain(il.Request):
    valued_on: date = il.asked_at(zone="UTC")
    built: int


def test_a_direction_needs_one_number(project):
    check = il.Directional("built", add=1, never_lowers_by=0)
    ((_, what),) = _codes(project, check)
    assert what == "a direction needs one number, and the answer is one of several classes"


def test_classes_are_expected_by_name(project):
    request = {"valued_on": "1997-01-05", "built": 1950}
    assert _codes(project, il.Expect(request, equals="north")) == []
    ((_, what),) = _codes(project, il.Expect(request, at_least=0.5))
    assert what == "an example expects what the answer cannot be compared with"


def test_a_check_that_contradicts_itself_is_reported_with_the_others(project):
    found = project.mistakes(
        House,
        model_gate=[
            *GATE,
            il.Directional("built", add=1),
            il.Directional("builtt", add=1, never_lowers_by=0),
            il.Expect([1], at_least=0),
        ],
    )
    assert sorted(m.code for m in found) == ["C144", "C144", "M230", "M230"]


@pytest.mark.parametrize(
    ("check", "code"),
    [
        (il.Directional("built", add="x", never_lowers_by=0), "M230"),
        (il.Directional("built", add=float("nan"), never_lowers_by=0), "M230"),
        (il.Directional("built", add=float("inf"), never_lowers_by=0), "M230"),
        (il.Directional(["built"], add=1, never_lowers_by=0), "C144"),
        (il.Invariant("built", values=3), "M230"),
        (il.Invariant("built", values=None), "M230"),
        (il.Invariant("built", values=iter([1])), "M230"),
        (il.Invariant("built", shuffled="x"), "M230"),
    ],
)
def test_what_is_of_another_sort_altogether_is_a_mistake(project, check, code):
    assert {m.code for m in project.mistakes(House, model_gate=[*GATE, check])} == {code}
