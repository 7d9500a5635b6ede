"""Every mistake in segments and outlier rules: its exact words; what a good one binds to."""

from datetime import date
from pathlib import Path

import pytest

import interlock as il
from interlock.errors import AuthorError


class House(il.Request):
    valued_on: date = il.asked_at(zone="UTC")
    built: int
    area: float
    zone: str


@il.feature
def age(valued_on: date, built: int) -> int:
    return valued_on.year - built


@il.feature
def decade(built: int) -> int:
    return built // 10


@il.outlier
def cramped(area: float, built: int) -> bool:
    """Too small."""
    return area < FLOOR


@il.outlier
def cheap(price: float, assessed: float) -> str | None:
    return "far below its assessment" if price < assessed / 10 else None


@il.outlier
def mistyped(area: float) -> int:
    return int(area)


@il.outlier
def lost(are: float) -> bool:
    return are > 0


@il.outlier
def young(age: int, sales_30d: int) -> bool:
    return age < sales_30d


FLOOR = 10.0
ASKED = "request fields, features and aggregates"
KNOWN = "the target, a field, a feature, an aggregate, or a column of the source"
FILE = Path(__file__)


def where(name):
    lines = FILE.read_text().splitlines()
    line = next(i for i, text in enumerate(lines, 1) if text.startswith(f"def {name}("))
    return f"{FILE}:{line - 1}"


def mistakes(project, **changes):
    with pytest.raises(AuthorError) as caught:
        project.bind(House, features=[age], **changes)
    return {(m.code, m.expected, m.got) for m in caught.value.mistakes}


@pytest.mark.parametrize(
    ("check", "expected", "got"),
    [
        (
            il.SegmentCoverage("zonee"),
            "request fields, features and aggregates",
            "'zonee', which a request does not have",
        ),
        (
            il.SegmentCoverage("assessed", edges=[0, 1]),
            "request fields, features and aggregates",
            "'assessed', which a request does not have",
        ),
        (il.SegmentCoverage("area"), "few values, or edges that cut a number", "area: float"),
        (
            il.SegmentCoverage("valued_on"),
            "few values, or edges that cut a number",
            "valued_on: date",
        ),
        (il.SegmentCoverage("zone", edges=[0, 1]), "edges for numbers only", "'zone', of kind str"),
        (
            il.SegmentCoverage("zone", edges={"area": [0, 1]}),
            "edges of what segments are named by",
            "edges of 'area'",
        ),
        (il.SegmentCoverage(()), "at least one name, each once", "none"),
        (il.SegmentCoverage(("zone", "zone")), "at least one name, each once", "zone; zone"),
        *(
            (il.SegmentCoverage(by), ASKED, f"'{by!r}', which a request does not have")
            for by in (3, None, b"zone", {"zone": 1}, House)
        ),
        (il.SegmentCoverage(["zone", 3]), ASKED, "'3', which a request does not have"),
    ],
)
def test_segments_that_cannot_be_named(project, check, expected, got):
    assert ("C180", expected, got) in mistakes(project, data_gate=[il.MinRows(1), check])


@pytest.mark.parametrize(
    "edges", ["abc", 3, ["a", "b"], [None, 1], {"area": 3}, {"area": "01"}, [0, 10**400]]
)
def test_edges_that_are_no_numbers(project, edges):
    found = mistakes(project, data_gate=[il.SegmentCoverage("area", edges=edges)])
    assert "D150" in {code for code, _, _ in found} <= {"D150", "C180"}


def test_a_window_needs_a_time(project):
    check = il.SegmentCoverage("zone", within="30d")
    source = project.source(event_time=None, available_after=None)
    found = mistakes(project, data_gate=[check], source=source)
    assert ("C180", "within=… for examples that have a time", "examples without a time") in found


def test_a_check_that_cannot_be_used_is_reported_too(project):
    check = il.SegmentCoverage("zone", min_rows=0)
    assert {m[0] for m in mistakes(project, data_gate=[check])} == {"D150"}


@pytest.mark.parametrize(
    ("declared", "mistake"),
    [
        (
            il.Outliers("prise"),
            (
                "C181",
                "the target, a field, a feature, an aggregate, or a column of the source",
                "'prise', which is not there",
            ),
        ),
        (il.Outliers("zone"), ("C181", "a number", "zone: str")),
        (
            il.Outliers("price", by="area"),
            ("C181", "by=… of few values, such as a text", "area: float"),
        ),
        *(
            (il.Outliers(of), ("C181", KNOWN, f"'{of!r}', which is not there"))
            for of in (3, None, [1])
        ),
        (il.Outliers("price", by=4), ("C181", KNOWN, "'4', which is not there")),
        (
            il.Outliers("price", log="x"),
            ("C181", "log=True or log=False, or none of them", "'x'"),
        ),
        (
            il.Outliers("price", leave_out_of_test="yes"),
            ("C181", "leave_out_of_test=True or False", "'yes'"),
        ),
        (il.Outliers("price", cutoff=0), ("C181", "a cutoff above 0, such as 3.5", "0")),
        (
            il.Outliers("price", cutoff=float("nan")),
            ("C181", "a cutoff above 0, such as 3.5", "nan"),
        ),
        (
            age,
            ("C182", "il.Outliers('…'), or functions under @il.outlier", repr(age)[:80]),
        ),
        (
            mistyped,
            ("C183", "-> bool, or -> str | None for a text that says why", "-> int"),
        ),
        (
            lost,
            (
                "F106",
                "the target, fields, features, aggregates, or columns of the source",
                "are",
            ),
        ),
    ],
)
def test_rules_that_cannot_be_used(project, declared, mistake):
    assert mistakes(project, outliers=[declared]) == {mistake}


def test_all_mistakes_are_told_at_once(project):
    found = mistakes(
        project,
        outliers=[mistyped, lost, cramped, cramped, il.Outliers("zone")],
        data_gate=[il.SegmentCoverage("area")],
    )
    assert {code for code, _, _ in found} == {"C180", "C181", "C183", "F103", "F106"}


def test_what_is_answered_for_the_rest_is_one_of_two_words(project):
    with pytest.raises(AuthorError) as caught:
        project.bind(House, not_covered="guess")
    (mistake,) = caught.value.mistakes
    assert (mistake.code, mistake.expected, mistake.got) == (
        "C175",
        "'null' or 'estimate'",
        "'guess'",
    )


def test_a_rule_is_released_when_a_request_alone_decides_it(project):
    counts = il.History(project.source(), by="zone", refresh="1d", sales_30d=il.count("30d"))
    bound = project.bind(
        House,
        features=[age, counts],
        outliers=[cramped, cheap, young, il.Outliers("price", by="zone"), il.Outliers(age)],
    )
    assert [(r.definition.name, r.live) for r in bound.outliers.rules] == [
        ("cramped", True),
        ("cheap", False),
        ("young", True),
    ]
    assert [bound.outliers.is_live(o) for o in bound.outliers.limits] == [False, True]
    assert bound.outliers.columns == ("assessed",)
    assert "def cramped" in str(bound.packed)
    assert "FLOOR = 10.0" in str(bound.packed)
    assert "def cheap" not in str(bound.packed)
    assert "def cheap" in str(bound.outliers.source)
    assert bound.outliers.rules[0].definition.description == "Too small."


def test_a_rule_changes_the_code_and_not_what_a_history_stands_for(project):
    counts = il.History(project.source(), by=decade, refresh="1d", sales_30d=il.count("30d"))
    plain = project.bind(House, features=[decade, counts])
    ruled = project.bind(House, features=[decade, counts], outliers=[cramped])
    assert plain.code_digest != ruled.code_digest
    assert plain.features == ruled.features


def test_a_rule_stays_callable_and_knows_its_place():
    assert cramped(5.0, 1990)
    assert cramped.where == where("cramped")
    assert il.outlier(leave_out_of_test=True)(cheap.function).leave_out_of_test
