"""JUnit XML: the structure that readers expect, and that no failure is hidden from them."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from interlock.errors import Mistake
from interlock.release.waiver import UNCHECKED, Waiver
from interlock.report.content import Content, Step, StepStatus
from interlock.report.junit import junit
from interlock.verdict import Check, Exemption, GateResult, Verdict

# Jenkins xUnit plugin, junit-10.xsd: children, attributes that must be there, attributes that may.
SCHEMA = {
    "testsuites": ({"testsuite"}, set(), {"name", "time", "tests", "failures", "errors"}),
    "testsuite": (
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log"},
    ),
    "properties": ({"property"}, set(), set()),
    "property": (set(), {"name", "value"}, set()),
    "testcase": (
        {"skipped", "error", "failure", "system-out", "system-err"},
        {"name"},
        {"time", "classname", "group"},
    ),
    "skipped": (set(), set(), {"type", "message"}),
    "error": (set(), set(), {"type", "message"}),
    "failure": (set(), set(), {"type", "message"}),
    "system-out": (set(), set(), set()),
}
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")
TEXTS = {"skipped", "error", "failure", "system-out"}


def check_structure(element: ET.Element) -> None:
    children, must, may = SCHEMA[element.tag]
    assert {child.tag for child in element} <= children
    assert must <= set(element.attrib) <= must | may
    assert TIME.fullmatch(element.get("time", "0"))
    if element.tag not in TEXTS:
        assert not (element.text or "").strip()
    for child in element:
        check_structure(child)


def check_counts(root: ET.Element) -> None:
    for suite in root:
        cases = suite.findall("testcase")
        assert len(cases) == int(suite.attrib["tests"]) > 0
        for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert len(suite.findall(f"testcase/{tag}")) == int(suite.attrib[kind])
        assert all(len(case) <= 1 for case in cases)
    for kind in ("tests", "failures", "errors"):
        assert int(root.attrib[kind]) == sum(int(suite.attrib[kind]) for suite in root)


def is_red(root: ET.Element) -> bool:
    return int(root.attrib["failures"]) + int(root.attrib["errors"]) > 0


def outcomes(root: ET.Element) -> dict[str, str]:
    """The tag of each case's child, by its name; '' where it passed."""
    return {
        case.attrib["name"]: next((c.tag for c in case if c.tag != "system-out"), "")
        for case in root.iter("testcase")
    }


def test_the_document_of_a_blocked_delivery(blocked: Content) -> None:
    root = ET.fromstring(junit(blocked))
    check_structure(root)
    check_counts(root)
    assert [suite.attrib["name"] for suite in root] == ["steps", "data gate", "model gate"]
    assert outcomes(root) == {
        "features": "",
        "train": "",
        "service gate": "skipped",
        "minimum rows": "",
        "beats baseline median": "",
        "no worse than champion": "skipped",
        "slice stories=three": "failure",
        "mdape": "failure",
    }
    failure = root.find(".//testcase[@name='mdape']/failure")
    assert failure is not None
    assert failure.attrib == {
        "type": "failed",
        "message": "0.163 ≤ 0.150 · failed · 95 % 0.158–0.168 · n 1,204",
    }
    unsure = root.find(".//testcase[@name='slice stories=three']/failure")
    assert unsure is not None
    assert unsure.attrib["type"] == "inconclusive"
    outcome = root.find(".//property[@name='outcome']")
    assert outcome is not None
    assert outcome.attrib["value"] == "✖ failed at the model gate"


def test_equal_contents_give_equal_bytes(blocked: Content) -> None:
    assert junit(blocked) == junit(replace(blocked))
    assert junit(blocked).startswith(b"<?xml version='1.0' encoding='utf-8'?>\n<testsuites ")


def test_advice_stops_nothing_and_is_not_hidden() -> None:
    advice = Check(name="advice", verdict=Verdict.FAILED, advisory=True, reason="it moved")
    ground = Check(name="ground", verdict=Verdict.PASSED)
    gate = GateResult(gate="data", checks=(advice, ground))
    root = ET.fromstring(junit(Content(product="p", number=1, as_of=0, status="s", gates=(gate,))))
    assert outcomes(root) == {"advice": "skipped", "ground": ""}
    assert not is_red(root)
    skipped = root.find(".//skipped")
    assert skipped is not None
    assert skipped.attrib["message"] == "failed, advisory · it moved"


def test_what_stopped_a_delivery_beside_its_gates_is_an_error(passed: Content) -> None:
    pinned = Mistake(code="E120", what="prod is pinned", got="1.3.0")
    root = ET.fromstring(junit(replace(passed, mistakes=(pinned,))))
    error = root.find(".//testcase[@name='E120']/error")
    assert error is not None
    assert error.attrib["message"] == "prod is pinned; got 1.3.0"


checks = st.builds(
    Check,
    name=st.text(max_size=20),
    verdict=st.sampled_from(Verdict),
    measured=st.none() | st.floats(),
    threshold=st.none() | st.floats(),
    reason=st.text(max_size=30),
    exemption=st.none() | st.sampled_from(Exemption),
    advisory=st.booleans(),
)
gates = st.builds(
    GateResult,
    gate=st.sampled_from(("data", "model", "service", "post-deploy tests")),
    checks=st.lists(checks, max_size=4).map(tuple),
)
steps = st.builds(
    Step,
    name=st.sampled_from(("snapshot", "data", "train", "prod")),
    status=st.sampled_from(StepStatus),
    seconds=st.none() | st.floats(),
    detail=st.text(max_size=10),
)
waivers = st.builds(
    Waiver,
    product=st.just("p"),
    delivery=st.just("d"),
    number=st.just(1),
    gate=st.sampled_from(("data", "model")),
    result=st.just("0" * 64),
    bundle=st.none(),
    role=st.just("releaser"),
    by=st.text(max_size=9),
    rights=st.just(UNCHECKED),
    reason=st.text(max_size=9),
    at=st.just(0),
    expires=st.just(9),
)
mistakes = st.builds(Mistake, code=st.just("X100"), what=st.text(max_size=10))
contents = st.builds(
    Content,
    product=st.text(max_size=10),
    number=st.integers(1, 9),
    as_of=st.just(0),
    status=st.text(max_size=20),
    steps=st.lists(steps, max_size=4, unique_by=lambda step: step.name).map(tuple),
    gates=st.lists(gates, max_size=3, unique_by=lambda gate: gate.gate).map(tuple),
    mistakes=st.lists(mistakes, max_size=1).map(tuple),
    waivers=st.lists(waivers, max_size=1).map(tuple),
)


@given(contents)
def test_it_is_red_exactly_where_the_delivery_did_not_pass(content: Content) -> None:
    root = ET.fromstring(junit(content))
    check_structure(root)
    check_counts(root)
    assert is_red(root) == (content.verdict is not Verdict.PASSED)
