"""Gates and steps: what keeps a gate shut comes first, the worst of it on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from interlock.evaluate.compare import Estimate
from interlock.release.waiver import Waiver
from interlock.report import phrases
from interlock.report.charts import spark
from interlock.report.content import (
    Content,
    Step,
    StepStatus,
)
from interlock.report.glyphs import STEP, VERDICT, severity
from interlock.report.names import shown
from interlock.report.numbers import seconds_text
from interlock.report.sections.table import Limits, value_text
from interlock.verdict import IN, Check, GateResult, Verdict

_UPPER = ("≤", "<")
_LOWER = ("≥", ">")


@dataclass(frozen=True, kw_only=True)
class CheckView:
    """A check's texts; ``state`` is its CSS class."""

    state: str
    glyph: str
    word: str
    name: str
    comparison: str
    facts: tuple[str, ...]
    strip: Markup | None = None
    evidence: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class GateView:
    """A gate's texts, with the checks that keep it shut apart from the others.

    ``waived`` says who let the delivery go on past it all the same, and why.
    """

    anchor: str
    name: str
    state: str
    glyph: str
    word: str
    phrase: str
    opened: bool
    shut: tuple[CheckView, ...]
    others: tuple[CheckView, ...]
    left_out: int
    waived: str = ""


@dataclass(frozen=True, kw_only=True)
class StepView:
    """A step's texts; ``anchor`` leads to its gate."""

    state: str
    glyph: str
    word: str
    name: str
    detail: str
    seconds: str
    anchor: str


def css_class(verdict: Verdict) -> str:
    """The verdict as a CSS class."""
    return verdict.value.replace(" ", "-")


def steps(content: Content) -> tuple[StepView, ...]:
    """Every step; one that is a gate shows the gate's verdict."""
    gates = {phrases.gate_name(gate.gate): gate for gate in content.gates}
    views = []
    for step in content.steps:
        name = phrases.gate_name(step.name)
        views.append(_step(step, gates.get(name), _anchor(name)))
    return tuple(views)


def gates(
    found: Sequence[GateResult], limits: Limits, waivers: Sequence[Waiver] = ()
) -> tuple[GateView, ...]:
    """Every gate, the first that stays shut open."""
    views = []
    waived = {waiver.gate: phrases.waiver_phrase(waiver) for waiver in waivers}
    first_shut = next((gate for gate in found if not gate.opens), None)
    for gate in found:
        shut = sorted(gate.shut_by, key=severity)
        others = sorted((c for c in gate.checks if not c.shuts), key=severity)
        left_out = max(0, len(shut) - limits.shut_checks)
        left_out += max(0, len(others) - limits.open_checks)
        name = phrases.gate_name(gate.gate)
        views.append(
            GateView(
                anchor=_anchor(name),
                name=shown(name, limit=60),
                state=css_class(gate.verdict),
                glyph=VERDICT[gate.verdict],
                word=gate.verdict.value,
                phrase=phrases.gate_phrase(gate),
                opened=gate is first_shut,
                shut=tuple(_check(c, limits, full=True) for c in shut[: limits.shut_checks]),
                others=tuple(
                    _check(c, limits, full=not c.opens) for c in others[: limits.open_checks]
                ),
                left_out=left_out,
                waived=waived.get(gate.gate, ""),
            )
        )
    return tuple(views)


def _step(step: Step, gate: GateResult | None, anchor: str) -> StepView:
    if gate is None or (gate.opens and step.status is StepStatus.FAILED):
        state, glyph, word = step.status.value, STEP[step.status], step.status.value
    else:
        state, glyph, word = css_class(gate.verdict), VERDICT[gate.verdict], gate.verdict.value
        if step.status in (StepStatus.CACHED, StepStatus.WAIVED):
            word = f"{word}, {step.status.value}"
    return StepView(
        state=state,
        glyph=glyph,
        word=word,
        name=shown(step.name, limit=40),
        detail="" if step.status is StepStatus.WAIVED else shown(step.detail, limit=160),
        seconds=seconds_text(step.seconds),
        anchor="" if gate is None else anchor,
    )


def _anchor(name: str) -> str:
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower())
    return f"gate-{kept[:40]}"


def _check(check: Check, limits: Limits, *, full: bool) -> CheckView:
    return CheckView(
        state=_state(check),
        glyph=VERDICT[check.verdict],
        word=phrases.word(check),
        name=shown(check.name, limit=160),
        comparison=phrases.comparison(check),
        facts=tuple(phrases.facts(check)),
        strip=_strip(check) if full or check.interval is not None else None,
        evidence=_evidence(check.evidence, limits) if full else (),
    )


def _state(check: Check) -> str:
    """The verdict as a CSS class; advice that did not pass is a doubt, for it shut nothing."""
    doubt = check.advisory and not check.opens
    return css_class(Verdict.INCONCLUSIVE if doubt else check.verdict)


def _strip(check: Check) -> Markup | None:
    measured, threshold = check.measured, check.threshold
    ends = (check.interval.low, check.interval.high) if check.interval is not None else ()
    if check.upper is not None:
        ends = (*ends, check.upper)
    finite = [v for v in (measured, threshold, *ends) if v is not None and abs(v) < float("inf")]
    if measured is None or threshold is None or len(finite) != 2 + len(ends):
        return None
    estimate = Estimate(value=measured, interval=check.interval, n=check.n or 0, units=0)
    bad_above = True if check.comparison in _UPPER else None
    bad_above = False if check.comparison in (*_LOWER, IN) else bad_above
    title = phrases.comparison(check)
    return spark.strip(title, estimate, threshold, bad_above=bad_above, upper=check.upper)


def _evidence(evidence: Mapping[str, Any], limits: Limits) -> tuple[tuple[str, str], ...]:
    rows, left = [], limits.evidence
    for key in sorted(evidence, key=str):
        text = value_text(evidence[key], max(0, min(left, 400)))
        if left <= 0:
            break
        rows.append((shown(key, limit=60), text))
        left -= len(text) + 40
    return tuple(rows)
