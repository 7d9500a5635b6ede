"""The service's section: what only the full form measures, drawn and told."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from interlock.report.charts.load import load
from interlock.report.content import Content, Fault, LoadStep, Service
from interlock.report.figures.service import loads
from interlock.report.html import render

STEPS = (
    LoadStep(offered=100, answered=100, n=100, late=0, limit_ms=250, p50=1.2, p99=4.0),
    LoadStep(offered=200, answered=200, n=800, late=1, limit_ms=250, p50=1.3, p99=5, judged=True),
    LoadStep(offered=400, answered=210, n=400, late=300, limit_ms=250, p50=900.0, p99=1_500.0),
    LoadStep(offered=800, answered=0, n=800, late=800, limit_ms=250, problem="no connection"),
)
FAULTS = (
    Fault(name="worker killed", asked=900, answered=896, refused=4, recovered=0.7),
    Fault(name="disk full", asked=24, refused=23, wrong=1, recovered=0.1, why="due 1, got <2>"),
    Fault(name="online store slow", planned=False, why="the online store is a folder"),
)


@pytest.fixture
def full(passed: Content) -> Content:
    assert passed.service is not None
    service = replace(
        passed.service,
        form="full",
        parts=(("start", 0.6), ("load", 9.0)),
        load=STEPS,
        faults=FAULTS,
        starts=(0.5, 0.6, 0.7),
        memory=121.4,
        generated=1_096,
        generated_wrong=("POST /v1/predict {}: <500>",),
    )
    return replace(passed, service=service)


def test_all_that_the_full_form_measured_is_told(full: Content) -> None:
    text = re.sub(r"\s+", " ", render(full))
    for said in (
        "Latency under load",
        "judged, ≤ 250 ms",
        "✔ as declared",
        "✖ not as declared",
        "– not planned",
        "due 1, got &lt;2&gt;",
        "121 MB",
        "1,096",
        "1 wrong answer",
        "POST /v1/predict {}: &lt;500&gt;",
        "Asked in the full form: start 0.6 s, load 9.0 s.",
    ):
        assert said in text, said


def test_the_quick_form_shows_nothing_of_it(passed: Content) -> None:
    text = render(passed)
    for said in ("Latency under load", "What broke around it", "generated requests", "Asked in"):
        assert said not in text


def test_load_is_drawn_where_something_was_answered() -> None:
    figure = loads(Service(load=STEPS))
    assert figure is not None
    assert len(figure.rows) == 4
    assert figure.rows[1] == ("200", "200", "800", "0.125 %", "1.30", "5", "judged, ≤ 250 ms")
    drawn = ET.fromstring(figure.drawing)
    circles = [one for one in drawn.iter() if one.tag.endswith("circle")]
    assert len(circles) == 2 * 3, "a step without an answer has no mark"
    assert loads(Service(load=STEPS[3:])) is None
    assert loads(Service()) is None


def test_marks_rise_with_the_latency_and_the_limit_lies_between() -> None:
    drawn = ET.fromstring(load("t", STEPS, limits=[(200, 250.0)]))
    circles = [one for one in drawn.iter() if one.tag.endswith("circle")]
    halves = [float(one.attrib["cy"]) for one in circles if one.attrib["class"] == "m-hollow"]
    assert halves == sorted(halves, reverse=True)
    limit = next(one for one in drawn.iter() if one.attrib.get("class") == "limit")
    place = float(re.split("[ MHLV]+", limit.attrib["d"].strip())[2])
    assert halves[2] < place < halves[1]


def test_one_step_alone_is_drawn() -> None:
    assert "p99" in load("t", STEPS[:1], limits=[])
