"""A delivery in short, as Markdown for a pull request: the verdict first, at most 60 lines.

Names stand in code spans, so that none can mention a person, open a link or end a table.

>>> code("a|b`c")
"`a\\\\|b'c`"
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from interlock.report import phrases
from interlock.report.charts.axis import Scale, spanning
from interlock.report.content import Candidate, Content, Evaluation, Metric
from interlock.report.figures.competitors import ranked
from interlock.report.glyphs import STEP, VERDICT, severity
from interlock.report.measured import estimate_text, limits_of
from interlock.report.names import shown
from interlock.report.numbers import reach, seconds_text
from interlock.verdict import Check

MOST_LINES = 60
_MOST_WAIVERS = 3
_MOST_CHECKS = 10
_MOST_STEPS = 12
_MOST_COMPETITORS = 9
_MOST_COMMANDS = 3
_NOTHING = "\u200b"  # zero width space
_WIDTH = 28  # characters of a drawn interval


def summary(content: Content) -> str:
    """Verdict, what is live, what failed and by how much, who competed, each step, what next."""
    head = f"### {phrases.outcome(content)} · {code(content.product)} delivery {content.number}"
    asked = [check for gate in content.gates for check in gate.checks if not check.opens]
    parts = [
        head,
        plain(content.status),
        "\n".join(f"- ! {plain(phrases.waiver_line(w))}" for w in content.waivers[:_MOST_WAIVERS]),
        _checks(sorted(asked, key=severity)),
        "\n".join(f"- ! not shown here: {plain(said)}" for said in content.undrawn[:_MOST_WAIVERS]),
        "" if content.evaluation is None else _forest(content.evaluation),
        _steps(content),
        _commands(content),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def code(name: object, *, limit: int = 80) -> str:
    """The name as a code span that also holds within a table."""
    return "`" + shown(name, limit=limit).replace("`", "'").replace("|", "\\|") + "`"


def plain(text: object, *, limit: int = 400) -> str:
    """A text that may carry a name from outside: no markup in it takes effect, nor any HTML.

    People, issues and addresses are found in the rendered text, where a backslash is gone: only a
    character without width keeps them from becoming a mention or a link.
    """
    kept = shown(text, limit=limit).replace("&", "&amp;")
    for character in "\\`*_{}[]<>|~!":
        kept = kept.replace(character, f"\\{character}")
    for found in ("@", "#"):
        kept = kept.replace(found, found + _NOTHING)
    return kept.replace("://", f":{_NOTHING}//").replace("www.", f"www{_NOTHING}.")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """A table of cells that are Markdown already; columns ``right`` are aligned to the right."""
    rule = ["---:" if i in right else "---" for i in range(len(head))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def _checks(found: Sequence[Check]) -> str:
    """What failed: value, interval, limit and rows, each in a column of its own."""
    if not found:
        return ""
    rows = [_check(check) for check in found[:_MOST_CHECKS]]
    if len(found) > _MOST_CHECKS:
        rows.append((f"{len(found) - _MOST_CHECKS:,} more", "", "", "", "", ""))
    head = ("check", "", "value", "95 % interval", "limit", "rows")
    return table(head, rows, right=(2, 3, 4, 5))


def _check(check: Check) -> tuple[str, ...]:
    """What else there is to say stands under the name."""
    value, limit = map(plain, phrases.sides(check))
    interval = ""
    if check.interval is not None:
        interval = plain(reach(check.interval.low, check.interval.high, check.unit))
    word = f"{VERDICT[check.verdict]} **{phrases.word(check)}**"
    remarks = plain(" · ".join(phrases.remarks(check)), limit=200)
    name = code(check.name) + (f"<br>{remarks}" if remarks else "")
    return name, word, value, interval, limit, "" if check.n is None else f"{check.n:,}"


def _forest(evaluation: Evaluation) -> str:
    """Competitors by the first metric, each with its interval drawn between the same ends."""
    scored = [c for c in ranked(evaluation) if c.metrics or c.failure][:_MOST_COMPETITORS]
    if not evaluation.metrics or not scored:
        return ""
    metric = evaluation.metrics[0]
    scale = _scale(scored, metric)
    better = "lower is better" if metric.lower_is_better else "higher is better"
    limit = " and ".join(plain(text) for _, _, text in limits_of(metric))
    limit = f" · │ limit {limit}" if limit else ""
    rows = [_competitor(c, evaluation.winner, metric, scale) for c in scored]
    return table(("", f"{code(metric.name)}, {better}", f"95 %{limit}"), rows, right=(1,))


def _competitor(
    candidate: Candidate, winner: str | None, metric: Metric, scale: Scale
) -> tuple[str, ...]:
    name = f"{code(candidate.name)} {candidate.kind.value}"
    if candidate.failure:
        return name, "✖ **failed**", plain(candidate.failure, limit=120)
    won = " · **winner**" if candidate.name == winner else ""
    found = candidate.metrics.get(metric.name)
    return name + won, plain(estimate_text(found, metric.unit)), _drawn(candidate, metric, scale)


def _scale(scored: Sequence[Candidate], metric: Metric) -> Scale:
    values: list[float | None] = [value for value, _, _ in limits_of(metric)]
    for candidate in scored:
        found = candidate.metrics.get(metric.name)
        if found is not None:
            values.append(found.value)
            if found.interval is not None:
                values += [found.interval.low, found.interval.high]
    return spanning(values, start=0, end=_WIDTH - 1)


def _drawn(candidate: Candidate, metric: Metric, scale: Scale) -> str:
    """``····├──●──┤···│····``"""
    found = candidate.metrics.get(metric.name)
    cells = ["·"] * _WIDTH
    for limit, _, _ in limits_of(metric):
        if limit == limit:
            cells[round(scale(limit))] = "│"
    if found is None or found.value != found.value:
        return f"`{''.join(cells)}`"
    if found.interval is not None and found.interval.low <= found.interval.high:
        low, high = round(scale(found.interval.low)), round(scale(found.interval.high))
        cells[low : high + 1] = "─" * (high + 1 - low)
        cells[low], cells[high] = "├", "┤"
    cells[round(scale(found.value))] = "●"
    return f"`{''.join(cells)}`"


def _steps(content: Content) -> str:
    if not content.steps:
        return ""
    gates = {phrases.gate_name(gate.gate): gate for gate in content.gates}
    rows = []
    for step in content.steps[:_MOST_STEPS]:
        gate = gates.get(phrases.gate_name(step.name))
        state = f"{STEP[step.status]} {step.status.value}"
        if gate is not None:
            state = f"{VERDICT[gate.verdict]} {phrases.gate_phrase(gate)}"
        rows.append((plain(step.name), state, seconds_text(step.seconds)))
    if len(content.steps) > _MOST_STEPS:
        rows.append((f"{len(content.steps) - _MOST_STEPS:,} more", "", ""))
    return table(("step", "", ""), rows, right=(2,))


def _commands(content: Content) -> str:
    if not content.next_commands:
        return ""
    found = content.next_commands[:_MOST_COMMANDS]
    lines = [shown(command.line, limit=300).replace("```", "'''") for command in found]
    return "\n".join(["```", *lines, "```"])
