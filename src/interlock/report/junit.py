"""A delivery as JUnit XML: one suite a gate, one case a check, and one suite of the other steps.

The elements and attributes are those of the Jenkins xUnit plugin's schema ``junit-10.xsd``, which
GitHub's, GitLab's and Jenkins's readers understand. JUnit knows less than Interlock, so:

* *passed* is a case without a child; *error* is an ``error``;
* *failed*, *inconclusive* and *not applicable* without an exemption are a ``failure`` whose
  ``type`` says which;
* *not applicable* with an exemption, advice that did not pass, and what a waived gate did not pass
  are ``skipped``: they stop nothing, and the message says why.

Invariant: there is a failure or an error exactly where the delivery did not pass; a gate that stays
shut although no check of it shuts it, or a delivery without gates, gets a case that says so.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from interlock.report import phrases
from interlock.report.content import Content, Step, StepStatus
from interlock.report.names import shown
from interlock.verdict import Check, GateResult, Verdict

_LINE = 500  # characters of a message


@dataclass(frozen=True, kw_only=True)
class _Case:
    """A case; ``outcome`` is the child's tag, or nothing where it passed."""

    name: str
    outcome: str = ""
    type: str = ""
    message: str = ""
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class _Suite:
    name: str
    cases: tuple[_Case, ...]
    seconds: float | None = None
    properties: dict[str, str] = field(default_factory=dict)

    def count(self, *outcomes: str) -> str:
        return str(sum(case.outcome in outcomes for case in self.cases))


def junit(content: Content) -> bytes:
    """The whole document as UTF-8, with its XML declaration; equal contents give equal bytes."""
    suites = [suite for suite in _suites(content) if suite.cases]
    root = ET.Element(
        "testsuites",
        name=f"{shown(content.product)} delivery {content.number}",
        tests=_total(suites, "", "failure", "error", "skipped"),
        failures=_total(suites, "failure"),
        errors=_total(suites, "error"),
    )
    for suite in suites:
        _write(root, suite, shown(content.product))
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _total(suites: Iterable[_Suite], *outcomes: str) -> str:
    return str(sum(int(suite.count(*outcomes)) for suite in suites))


def _suites(content: Content) -> Iterable[_Suite]:
    took = {phrases.gate_name(step.name): step.seconds for step in content.steps}
    shut = {gate.gate for gate in content.shut}
    opened = {phrases.gate_name(gate.gate): gate.gate not in shut for gate in content.gates}
    steps = [step for step in content.steps if _is_told_here(step, opened)]
    facts = {
        "outcome": phrases.outcome(content),
        "status": shown(content.status, limit=_LINE),
        "release": shown(content.label) if content.label else "none made",
    }
    cases = [_step(step) for step in steps]
    if all(opened.values()) and not any(case.outcome == "error" for case in cases):
        cases.extend(_unreached(content))
    yield _Suite(name="steps", cases=tuple(cases), properties=facts)
    waived = {waiver.gate: phrases.waiver_phrase(waiver) for waiver in content.waivers}
    for gate in content.gates:
        name = phrases.gate_name(gate.gate)
        told = tuple(_gate_cases(gate, waived.get(gate.gate, "")))
        yield _Suite(name=name, cases=told, seconds=took.get(name))


def _is_told_here(step: Step, opened: Mapping[str, bool]) -> bool:
    """A gate's step stands in the gate's suite, unless it failed although its gate opened."""
    opens = opened.get(phrases.gate_name(step.name))
    return opens is None or (opens and step.status is StepStatus.FAILED)


def _unreached(content: Content) -> Iterable[_Case]:
    """What stopped a delivery that no gate and no step did."""
    for mistake in content.mistakes:
        said = shown(
            f"{mistake.what}; got {mistake.got}" if mistake.got else mistake.what, limit=_LINE
        )
        yield _Case(name=mistake.code, outcome="error", type="error", message=said)
    if not content.gates and not content.mistakes:
        said = "the delivery stopped before its first gate"
        yield _Case(name="gates", outcome="error", type="error", message=said)


def _gate_cases(gate: GateResult, waived: str) -> Iterable[_Case]:
    """A case a check; ``waived`` says who let the delivery go on past the gate, if anybody did."""
    for check in gate.checks:
        yield _check(check, waived)
    if not gate.opens and not gate.shut_by:
        said = "no check passed that could have shut the gate, so it stays shut"
        case = _Case(name="ground to open", outcome="error", type="error", message=said)
        yield _let_through(case, waived)


def _let_through(case: _Case, waived: str) -> _Case:
    if not waived or case.outcome not in ("error", "failure"):
        return case
    message = shown(f"{case.message} · {waived}", limit=2 * _LINE)
    return replace(case, outcome="skipped", type=f"{case.type}, waived", message=message)


def _step(step: Step) -> _Case:
    child = {StepStatus.FAILED: "error", StepStatus.SKIPPED: "skipped"}.get(step.status, "")
    return _Case(
        name=shown(step.name),
        outcome=child,
        type=step.status.value if child else "",
        message=shown(step.detail, limit=_LINE) or step.status.value,
        seconds=step.seconds,
    )


def _check(check: Check, waived: str) -> _Case:
    word = phrases.word(check)
    said = [phrases.comparison(check), word, *phrases.facts(check)]
    outcome = _outcome(check)
    case = _Case(
        name=shown(check.name),
        outcome=outcome,
        type=word if outcome else "",
        message=shown(" · ".join(filter(None, said)), limit=_LINE),
    )
    return _let_through(case, waived)


def _outcome(check: Check) -> str:
    if check.verdict is Verdict.PASSED:
        return ""
    if not check.shuts:
        return "skipped"
    return "error" if check.verdict is Verdict.ERROR else "failure"


def _write(root: ET.Element, suite: _Suite, product: str) -> None:
    counts = {
        "name": suite.name,
        "tests": str(len(suite.cases)),
        "failures": suite.count("failure"),
        "errors": suite.count("error"),
        "skipped": suite.count("skipped"),
    }
    element = ET.SubElement(root, "testsuite", counts | _time(suite.seconds))
    if suite.properties:
        properties = ET.SubElement(element, "properties")
        for name, value in suite.properties.items():
            ET.SubElement(properties, "property", name=name, value=value)
    for case in suite.cases:
        _write_case(element, case, f"{product}.{suite.name}")


def _write_case(suite: ET.Element, case: _Case, classname: str) -> None:
    names = {"name": case.name, "classname": classname}
    element = ET.SubElement(suite, "testcase", names | _time(case.seconds))
    if case.outcome:
        child = ET.SubElement(element, case.outcome, type=case.type, message=case.message)
        child.text = case.message
    elif case.message:
        ET.SubElement(element, "system-out").text = case.message


def _time(seconds: float | None) -> dict[str, str]:
    if seconds is None or not 0 <= seconds < float("inf"):  # NaN is neither
        return {}
    return {"time": f"{abs(seconds):.3f}"}
