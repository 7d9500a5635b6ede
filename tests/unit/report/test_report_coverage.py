"""What the release answers for, in the report: the map, the numbers, the outliers."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from interlock.report.blocks import Figure, Fold, Table, Text
from interlock.report.charts.map import segment_map
from interlock.report.content import (
    Coverage,
    OutlierCount,
    Segment,
    Segmentation,
    WithoutOutliers,
)
from interlock.report.html import render
from interlock.report.sections.coverage import coverage
from interlock.report.sections.table import Limits
from interlock.report.sections.winner import winner

SEGMENTS = (
    Segment(name="zone a", learned=400, tested=40, x=1.0, y=10.0),
    Segment(name="zone b", learned=30, tested=4, x=2.0, y=11.0),
    Segment(
        name="zone <c>",
        learned=3,
        tested=5,
        reason="zone <c>: 3 rows of training, 30 needed",
        x=3.0,
        y=10.5,
    ),
)
BY_ZONE = Segmentation(
    name="zone",
    asked="at least 30 rows of training",
    segments=SEGMENTS,
    across="easting_m",
    up="northing_m",
)
FOUND = Coverage(
    tested=50,
    not_covered=5,
    segmentations=(BY_ZONE,),
    outliers=(
        OutlierCount(
            name="price", told="from 1 to 9", train=7, later=2, live=False, left_out=False
        ),
        OutlierCount(name="gift", told="No sale.", train=1, later=3, live=False, left_out=True),
        OutlierCount(name="area", told="from 2 to 8", train=0, later=4, live=True, left_out=False),
        OutlierCount(name="lot", told="from 3 to 4", train=2, later=0, live=True, left_out=False),
    ),
)
BARE = tuple(replace(s, x=None, y=None) for s in SEGMENTS)


def texts(section):
    return [block.text for block in section.blocks if isinstance(block, Text)]


def test_it_says_how_many_requests_are_not_answered_for():
    found = coverage(FOUND, Limits())
    assert found.title == "What it answers for"
    assert texts(found) == [
        "5 of 50 test rows (10 %) are not covered: the service answers such requests with the"
        " reason. They are left out of what was judged above.",
        "2 of 3 segments are covered, those with at least 30 rows of training.",
    ]
    estimates = texts(coverage(replace(FOUND, estimates=True), Limits()))[0]
    assert "with an estimate, marked as not covered" in estimates
    assert texts(coverage(replace(FOUND, not_covered=0), Limits()))[0] == (
        "All of 50 test rows are covered."
    )
    assert coverage(None, Limits()) is None


def test_outlier_rules_say_what_became_of_their_rows():
    (table,) = [b for b in coverage(FOUND, Limits()).blocks if isinstance(b, Table)]
    assert table.rows == (
        ("price", "from 1 to 9", "7", "2", "stay in the test"),
        ("gift", "No sale.", "1", "3", "left out"),
        ("area", "from 2 to 8", "0", "4", "not covered"),
        ("lot", "from 3 to 4", "2", "0", ""),
    )


def test_the_map_has_its_numbers_as_a_table():
    (figure,) = [b for b in coverage(FOUND, Limits()).blocks if isinstance(b, Figure)]
    assert figure.title == "Map of the segments by zone"
    assert figure.rows == (
        ("zone <c>", "3", "5", "no"),
        ("zone a", "400", "40", "yes"),
        ("zone b", "30", "4", "yes"),
    )


def test_without_positions_there_is_a_table_of_what_is_not_covered():
    bare = replace(FOUND, segmentations=(replace(BY_ZONE, segments=BARE),))
    (fold,) = [b for b in coverage(bare, Limits()).blocks if isinstance(b, Fold)]
    assert fold.blocks[0].rows == (("zone <c>", "3", "5"),)


def test_covered_segments_are_circles_and_others_crosses():
    drawn = segment_map("Map", SEGMENTS, across="x", up="y")
    root = ElementTree.fromstring(drawn)
    name = "{http://www.w3.org/2000/svg}"
    circles = list(root.iter(f"{name}circle"))
    crosses = [e for e in root.iter(f"{name}path") if e.get("class") == "over"]
    assert len(circles) == 2 + 1  # one in the legend
    assert len(crosses) == 1 + 1
    assert sorted(float(e.get("r")) for e in circles[:2]) == [4.1, 9.0]
    hints = [e.findtext(f"{name}title") for e in (*circles[:2], crosses[0])]
    assert hints == [
        "zone a · 400 rows",
        "zone b · 30 rows",
        "zone <c>: 3 rows of training, 30 needed",
    ]


@pytest.mark.parametrize(
    ("xs", "ys"), [((5.0, 5.0), (1.0, 1.0)), ((0.0, 1e9), (0.0, 1.0)), ((0.0, 1.0), (0.0, 1e9))]
)
def test_any_field_can_be_drawn(xs, ys):
    places = zip(xs, ys, strict=True)
    segments = [Segment(name=f"{x} {y}", learned=0, tested=0, x=x, y=y) for x, y in places]
    drawn = segment_map("Map", segments, across="x", up="y")
    height = float(re.search(r'height="([\d.]+)"', drawn)[1])
    assert 200 < height < 700
    assert "nan" not in drawn


def test_the_page_shows_it(passed):
    page = render(replace(passed, data=replace(passed.data, coverage=FOUND)))
    assert "<h2>What it answers for</h2>" in page
    assert "zone &lt;c&gt;" in page
    assert "zone <c>" not in page


def test_both_metrics_are_told_where_a_rule_names_test_rows(passed):
    evaluation = passed.evaluation
    metric = evaluation.metrics[0].name
    best = next(c for c in evaluation.candidates if c.name == evaluation.winner)
    without = WithoutOutliers(named=4, rows=1_200, metrics={metric: best.metrics[metric]})
    told = [b.text for b in winner(replace(evaluation, without_outliers=without)).blocks[:2]]
    assert told[1].startswith(
        "Without the 4 test rows named by an outlier rule, which stay in all that is judged: mdape"
    )
