"""Coverage: segments, limits and packed rules together."""

import json
from dataclasses import replace

import pytest

from interlock.digest import canonical_json
from interlock.errors import IntegrityError
from interlock.features.definition import FeatureDefinition
from interlock.release.coverage import Coverage, Covering
from interlock.release.limits import fit_limits
from interlock.release.segments import Axis, Segments

SOURCE = """
def cramped(area, rooms):
    return area / rooms < 8

def odd(zone):
    return f"zone {zone}" if zone.startswith("odd") else None
"""
NAMES = ("zone", "area", "rooms")


def rule(name, kind, *arguments, description="", nullable=()):
    return FeatureDefinition(
        name=name,
        arguments=arguments,
        nullable_arguments=nullable,
        kind=kind,
        optional=True,
        module="rules",
        function=name,
        description=description,
    )


SEGMENTS = Segments(
    by=(Axis(name="zone", kind="str"),),
    min_rows=3,
    rows={("a",): (5, 0), ("odd 1",): (9, 0), ("few",): (2, 0)},
)
LIMITS = fit_limits("area", [float(v) for v in range(50, 150)])
RULES = (
    rule("cramped", "bool", "area", "rooms", description="Too little area for its rooms."),
    rule("odd", "str", "zone", description="Odd zones."),
)
COVERAGE = Coverage(segments=(SEGMENTS,), limits=(LIMITS,), rules=RULES)


def covering(coverage=COVERAGE, packed=None):
    return Covering(coverage, NAMES, {"rules": SOURCE} if packed is None else packed, name="x" * 64)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (("a", 100.0, 4), ""),
        (("few", 100.0, 4), "zone few: 2 rows of training, 3 needed"),
        ((None, 100.0, 4), "zone is missing"),
        (("a", 5_000.0, 4), "outlier: area 5,000 is outside 27.48 to 360.3"),
        (("a", 100.0, 40), "outlier: cramped: Too little area for its rooms."),
        (("odd 1", 100.0, 4), "outlier: odd: zone odd 1"),
        (
            ("a", 100.0, 0),
            "outlier: cramped cannot tell: ZeroDivisionError: float division by zero",
        ),
        (("a", None, None), ""),  # a rule is not asked where what it asks for is missing
    ],
)
def test_the_first_reason_is_given(row, why):
    found = covering()
    assert found.row(row, 0) == why
    columns = dict(zip(NAMES, ([value] for value in row), strict=True))
    assert found.columns(columns, [0]) == [why]


def test_what_is_written_is_read_again():
    row = json.loads(canonical_json(replace(COVERAGE, estimate=True).to_row()))
    assert Coverage.from_row(row) == replace(COVERAGE, estimate=True)


def test_it_says_in_sentences_what_it_answers_for():
    assert COVERAGE.sentences == (
        "zone: 2 of 3 segments, those with at least 3 rows of training",
        "area from 27.48 to 360.3",
        "no outlier by cramped: Too little area for its rooms.",
        "no outlier by odd",
    )
    assert Coverage().is_everything
    assert not COVERAGE.is_everything


def test_a_rule_that_is_not_in_the_bundle_is_refused():
    with pytest.raises(IntegrityError) as caught:
        covering(packed={"rules": "def cramped(area, rooms):\n    return False\n"})
    assert caught.value.code == "F110"


def test_a_rule_that_answers_neither_yes_nor_no_cannot_tell():
    found = covering(packed={"rules": SOURCE.replace("return area / rooms < 8", "return 0.5")})
    assert (
        found.row(("a", 100.0, 4), 0)
        == "outlier: cramped cannot tell: returned float, declared bool"
    )


def test_a_long_reason_is_cut():
    long = SOURCE.replace('f"zone {zone}"', '"x" * 10_000')
    assert len(covering(packed={"rules": long}).row(("odd 1", 100.0, 4), 0)) == 200
