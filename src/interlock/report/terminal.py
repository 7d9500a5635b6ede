"""The lines of a terminal: plain text, a glyph always with its word; the CLI adds colour.

Names from outside are made safe: no escape sequence in a column's name reaches the terminal.

>>> from interlock.report.content import StepStatus
>>> step = Step(name="features", status=StepStatus.RAN, seconds=0.3,
...             detail="9 request, 6 history")
>>> step_line(step)
'✔ features       9 request, 6 history                                   0.3 s'
"""

from __future__ import annotations

from collections.abc import Sequence

from interlock.report import phrases
from interlock.report.content import Content, Step, StepStatus
from interlock.report.glyphs import STEP, VERDICT, severity
from interlock.report.names import shown
from interlock.report.numbers import seconds_text
from interlock.verdict import Check, GateResult

_NAME = 15  # columns of the first word, the detail and the seconds
_SHORTER = {"post-deploy tests": "post-deploy"}  # what the first word's column has no room for
_DETAIL = 54
_SECONDS = 6
_CHECK = 20
_COMPARISON = 19


def step_line(step: Step) -> str:
    """One line for a step that is no gate."""
    return _line(STEP[step.status], step.name, phrases.step_phrase(step), step.seconds)


def gate_lines(
    result: GateResult,
    seconds: float | None = None,
    *,
    verbose: bool = False,
    context: Sequence[str] = (),
    waived: str = "",
) -> list[str]:
    """The gate's line, then its checks that do not open, those that shut it first, worst first.

    With ``verbose`` all checks follow. ``context`` is added to the gate's line:
    ``["18,204 rows", "37 quarantined"]``; ``waived`` says who let the delivery go on past a gate
    that stays shut, and gets a line of its own.
    """
    detail = " · ".join([phrases.gate_phrase(result), *context])
    head = _line(VERDICT[result.verdict], phrases.gate_name(result.gate), detail, seconds)
    checks = sorted(result.checks, key=severity)
    lines = [check_line(check) for check in checks if verbose or not check.opens]
    return [head, *lines, *([f"    ! {waived}"] if waived else [])]


def check_line(check: Check) -> str:
    """One indented line: glyph, name, comparison, word, and what it rests on."""
    name = f"    {VERDICT[check.verdict]} {shown(check.name, limit=60):<{_CHECK - 1}}"
    text = phrases.comparison(check)
    rest = " · ".join([phrases.word(check), *phrases.facts(check)])
    return f"{name} {text:<{_COMPARISON - 1}} {rest}" if text else f"{name} {rest}"


def delivery_lines(content: Content, *, verbose: bool = False) -> list[str]:
    """The whole delivery: header, steps and gates in their order, the status sentence last.

    A gate's checks stand under the step of the same name; gates without a step follow.
    """
    lines = [phrases.header_phrase(content)]
    gates = {phrases.gate_name(gate.gate): gate for gate in content.gates}
    for step in content.steps:
        gate = gates.pop(phrases.gate_name(step.name), None)
        if gate is None or (gate.opens and step.status is StepStatus.FAILED):
            lines.append(step_line(step))
        if gate is not None:
            lines.extend(gate_lines(gate, step.seconds, verbose=verbose, waived=waived_text(step)))
    for gate in gates.values():
        lines.extend(gate_lines(gate, verbose=verbose))
    return [*lines, shown(content.status, limit=400)]


def waived_text(step: Step) -> str:
    """Who waived a gate, and why; empty for a step that was not waived."""
    return step.detail if step.status is StepStatus.WAIVED else ""


def _line(glyph: str, name: str, detail: str, seconds: float | None) -> str:
    took = seconds_text(seconds)
    word = _SHORTER.get(name, shown(name, limit=40))
    line = f"{glyph} {word:<{_NAME - 1}} {detail:<{_DETAIL}}"
    return f"{line}{took:>{_SECONDS}}" if took else line.rstrip()
