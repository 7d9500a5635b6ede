"""A delivery in short, as Markdown for a pull request.

Names stand in code spans, so that none can mention a person, open a link or end a table.

>>> code("a|b`c")
"`a\\\\|b'c`"
"""

from __future__ import annotations

from interlock.report import phrases
from interlock.report.content import Content
from interlock.report.glyphs import STEP, VERDICT, severity
from interlock.report.measured import estimate_text
from interlock.report.names import shown
from interlock.report.numbers import seconds_text
from interlock.verdict import Check

_MOST_CHECKS = 12


def summary(content: Content) -> str:
    """The outcome, what is live, every step, the checks that do not open, and what next."""
    head = f"### {phrases.outcome(content)} · {code(content.product)} delivery {content.number}"
    parts = [head, _plain(content.status)]
    if content.steps:
        parts.append(_steps(content))
    shut = [check for gate in content.gates for check in gate.checks if not check.opens]
    if shut:
        parts.append(_checks(sorted(shut, key=severity)))
    if content.evaluation is not None and content.evaluation.candidates:
        parts.append(_candidates(content))
    if content.next_commands:
        lines = [shown(command.line, limit=300) for command in content.next_commands]
        parts.append("```\n" + "\n".join(line.replace("```", "'''") for line in lines) + "\n```")
    return "\n\n".join(parts) + "\n"


def code(name: object, *, limit: int = 80) -> str:
    """The name as a code span that also holds within a table."""
    return "`" + shown(name, limit=limit).replace("`", "'").replace("|", "\\|") + "`"


def _plain(text: str) -> str:
    """A sentence of ours that may carry a name: no markup in it takes effect."""
    kept = shown(text, limit=400)
    for character in "\\`*_{}[]<>#|@":
        kept = kept.replace(character, f"\\{character}")
    return kept


def _steps(content: Content) -> str:
    rows = ["| step | | |", "| --- | --- | ---: |"]
    gates = {phrases.gate_name(gate.gate): gate for gate in content.gates}
    for step in content.steps:
        gate = gates.get(phrases.gate_name(step.name))
        if gate is None:
            state = f"{STEP[step.status]} {step.status.value}"
        else:
            state = f"{VERDICT[gate.verdict]} {phrases.gate_phrase(gate)}"
        rows.append(f"| {_plain(step.name)} | {state} | {seconds_text(step.seconds)} |")
    return "\n".join(rows)


def _checks(checks: list[Check]) -> str:
    rows = ["| check | | rests on |", "| --- | --- | --- |"]
    for check in checks[:_MOST_CHECKS]:
        text = " ".join(filter(None, [phrases.comparison(check), _marked(check)]))
        rows.append(f"| {code(check.name)} | {text} | {_plain(' · '.join(phrases.facts(check)))} |")
    if len(checks) > _MOST_CHECKS:
        rows.append(f"| {len(checks) - _MOST_CHECKS:,} more | | |")
    return "\n".join(rows)


def _marked(check: Check) -> str:
    return f"{VERDICT[check.verdict]} **{phrases.word(check)}**"


def _candidates(content: Content) -> str:
    evaluation = content.evaluation
    if evaluation is None or not evaluation.metrics:
        return ""
    metric = evaluation.metrics[0]
    rows = [f"| | {code(metric.name)} with 95 % interval |", "| --- | ---: |"]
    for candidate in evaluation.candidates:
        won = " · winner" if candidate.name == evaluation.winner else ""
        text = estimate_text(candidate.metrics.get(metric.name), metric.unit)
        rows.append(f"| {code(candidate.name)} {candidate.kind.value}{won} | {text} |")
    return "\n".join(rows)
