"""The phrases shared by terminal, Markdown and HTML: a check, a gate, a delivery in words.

>>> from interlock.verdict import Interval
>>> check = Check(name="mdape", verdict=Verdict.FAILED, measured=0.163, comparison="≤",
...               threshold=0.15, interval=Interval(low=0.158, high=0.168), n=1_204)
>>> check_phrase(check)
'mdape 0.163 ≤ 0.150 ✖ failed · 95 % 0.158–0.168 · n 1,204'
"""

from __future__ import annotations

import re

from interlock.deploy.challenger import described
from interlock.release.waiver import UNCHECKED, Waiver
from interlock.report.content import Content, Step, StepStatus
from interlock.report.glyphs import VERDICT, mark
from interlock.report.names import shown
from interlock.report.numbers import (
    in_unit,
    measure,
    moment,
    pair,
    percent,
    reach,
    span_text,
    united,
)
from interlock.store.rows import RolloutRow
from interlock.verdict import IN, Check, GateResult, Verdict
from interlock.wording import counted

UNDRAWN = "X140"
"""The code of what a report could not show."""
_GRAPH = "onnx"
_TOLD = (
    Verdict.PASSED,
    Verdict.ERROR,
    Verdict.FAILED,
    Verdict.INCONCLUSIVE,
    Verdict.NOT_APPLICABLE,
)
_REPEATED = re.compile(r"^measured [^:;]*, must be [^:;]*(?:[:;] )?")


def comparison(check: Check) -> str:
    """'0.163 ≤ 0.150', or what is known of it; empty where nothing was measured."""
    if check.measured is None and check.threshold is None:
        return ""
    if check.measured is None or check.threshold is None:
        known = check.threshold if check.measured is None else check.measured
        return ("limit " if check.measured is None else "") + measure(known, check.unit)
    measured, threshold = pair(*(in_unit(v, check.unit) for v in (check.measured, check.threshold)))
    if check.comparison == IN and check.upper is not None:
        threshold = reach(check.threshold, check.upper, check.unit)
    if check.unit == "%":
        measured = f"{measured} %"
    return united(
        f"{measured} {shown(check.comparison, limit=8) or 'against'} {threshold}", check.unit
    )


def sides(check: Check) -> tuple[str, str]:
    """Value and limit apart, each with its unit: ('16.3 %', '≤ 15.0 %'); empty where unknown."""
    measured, threshold = pair(
        *(None if v is None else in_unit(v, check.unit) for v in (check.measured, check.threshold))
    )
    limit = f"{shown(check.comparison, limit=8)} {united(threshold, check.unit)}".strip()
    return (
        "" if check.measured is None else united(measured, check.unit),
        "" if check.threshold is None else limit,
    )


def word(check: Check) -> str:
    """The verdict's word; 'failed, advisory' where the check cannot shut its gate."""
    return f"{check.verdict.value}, advisory" if check.advisory else check.verdict.value


def facts(check: Check) -> list[str]:
    """What the answer rests on: interval, rows, the champion's value, the reason."""
    found = []
    if check.interval is not None:
        interval = check.interval
        ends = reach(interval.low, interval.high, check.unit)
        found.append(f"{percent(interval.level)} {ends}")
    if check.n is not None:
        found.append(f"n {check.n:,}")
    return found + remarks(check)


def remarks(check: Check) -> list[str]:
    """What is to be said beside the numbers: both sides of a difference, exemption, reason."""
    found = []
    against = _against(check)
    if against:
        found.append(against)
    away = _not_compared(check)
    if away:
        found.append(away)
    if check.exemption is not None and check.exemption.value not in check.reason:
        found.append(check.exemption.value)
    if check.verdict is Verdict.NOT_APPLICABLE and check.shuts:
        found.append("not on the list of exemptions, so the gate stays shut")
    reason = _news(check)
    if reason:
        found.append(shown(reason, limit=300))
    return found


def _against(check: Check) -> str:
    """Both sides of a difference, from the evidence: 'boosting 14.2 % against 1.3.0 14.6 %'."""
    sides = []
    for side in ("candidate", "reference"):
        value = check.evidence.get(f"{side}_value")
        if not isinstance(value, int | float):
            return ""
        name = shown(check.evidence.get(side, side), limit=60)
        sides.append(f"{name} {measure(value, check.unit)}")
    return " against ".join(sides)


def _not_compared(check: Check) -> str:
    """'80 rows not compared: 78 not covered by it, 2 refused by it', unless the reason says so."""
    away = check.evidence.get("not_compared")
    if not isinstance(away, dict) or not away or check.evidence.get("code") == "M211":
        return ""
    told = ", ".join(f"{n:,} {shown(why, limit=40)}" for why, n in away.items())
    return f"{counted(sum(away.values()), 'row')} not compared: {told}"


def _news(check: Check) -> str:
    """The reason without its first clause, where that repeats the comparison in words."""
    if check.measured is None or check.threshold is None:
        return check.reason
    return _REPEATED.sub("", check.reason)


def check_phrase(check: Check) -> str:
    """The whole check in one line."""
    told = f"{VERDICT[check.verdict]} {word(check)}"
    head = " ".join(filter(None, [shown(check.name), comparison(check), told]))
    return " · ".join([head, *facts(check)])


def gate_name(gate: str) -> str:
    """The gates of the path by their full names: 'model gate' for 'model'; others as they are."""
    name = shown(gate, limit=60)
    return f"{name} gate" if name in ("data", "model", "service") else name


def gate_phrase(result: GateResult) -> str:
    """'41 of 41 checks passed', or how many gave which answer."""
    if not result.checks:
        return "no checks, so it stays shut"
    tally = [_told(result, verdict) for verdict in _TOLD]
    if result.opens:
        passed = sum(check.verdict is Verdict.PASSED for check in result.checks)
        first = f"{passed:,} of {counted(len(result.checks), 'check')} passed"
        return ", ".join([first, *filter(None, tally[1:])])
    told = ", ".join([tally[0] or "0 passed", *filter(None, tally[1:])])
    return told if result.shut_by else f"{told}: nothing was shown, so it stays shut"


def _told(result: GateResult, verdict: Verdict) -> str:
    """'2 failed', '2 failed (1 advisory)', '1 failed (advisory)', or nothing."""
    found = [check for check in result.checks if check.verdict is verdict]
    advisory = sum(check.advisory for check in found if verdict is not Verdict.PASSED)
    if not found:
        return ""
    note = (
        "" if not advisory else "advisory" if advisory == len(found) else f"{advisory:,} advisory"
    )
    return f"{len(found):,} {verdict.value}" + (f" ({note})" if note else "")


def waiver_phrase(waiver: Waiver) -> str:
    """'waived by ada (releaser, rights unchecked) until 1997-07-07: a quiet month'."""
    rights = f", rights {UNCHECKED}" if waiver.rights == UNCHECKED else ""
    by = f"{shown(waiver.by, limit=60)} ({waiver.role}{rights})"
    return f"waived by {by} until {moment(waiver.expires)}: {shown(waiver.reason, limit=300)}"


def waiver_line(waiver: Waiver) -> str:
    """The gate's name, then :func:`waiver_phrase`."""
    return f"{gate_name(waiver.gate)}: {waiver_phrase(waiver)}"


def packaging(format: str) -> str:
    """How a model is packaged, and where a service asks it if that is not in itself.

    >>> packaging("onnx"), packaging("lightgbm")
    ('onnx', 'lightgbm, scored in a process apart')
    """
    return format if format in ("", _GRAPH) else f"{format}, scored in a process apart"


def step_phrase(step: Step) -> str:
    """The step's detail, led by its status where that is not simply that it ran."""
    status = "" if step.status is StepStatus.RAN and step.detail else step.status.value
    return " · ".join(filter(None, [status, shown(step.detail, limit=200)]))


def about_phrase(content: Content) -> str:
    """What a report is about: product, delivery, moment; what is live its status says."""
    return _about(content.product, content.number, content.as_of, content.zone)


def before_phrase(content: Content) -> str:
    """What was live when the delivery began: '1.3.0, live 12 d'; empty where nothing was."""
    if content.champion is None:
        return ""
    since = content.champion_live_for
    return shown(content.champion, limit=40) + (f", live {span_text(since)}" if since else "")


def header_phrase(content: Content) -> str:
    """What a report is about: product, delivery, moment, and what was live."""
    return delivery_phrase(
        content.product,
        content.number,
        content.as_of,
        zone=content.zone,
        environment=content.environment,
        champion=content.champion,
        live_for=content.champion_live_for,
    )


def delivery_phrase(
    product: str,
    number: int,
    as_of: int,
    *,
    zone: str = "UTC",
    environment: str = "prod",
    champion: str | None = None,
    live_for: int | None = None,
) -> str:
    """'valuation · delivery 193 · as of 1997-06-30 · prod runs 1.3.0 (live 12 d)'."""
    runs = f"runs {shown(champion)}" if champion else "runs nothing yet"
    since = f" (live {span_text(live_for)})" if champion and live_for is not None else ""
    return f"{_about(product, number, as_of, zone)} · {shown(environment)} {runs}{since}"


def _about(product: str, number: int, as_of: int, zone: str) -> str:
    return " · ".join([shown(product), f"delivery {number}", f"as of {moment(as_of, zone=zone)}"])


def outcome(content: Content) -> str:
    """'✖ failed at the model gate', '✔ passed every gate', '! error at train'."""
    verdict = content.verdict
    if verdict is Verdict.PASSED and content.waivers:
        names = ", ".join(dict.fromkeys(gate_name(waiver.gate) for waiver in content.waivers))
        return f"! let through: {names} waived"
    if verdict is Verdict.PASSED:
        return f"{mark(verdict)} every gate"
    where = content.stopped_at
    if where is None:
        why = "no gate was reached" if not content.gates else "it did not reach its goal"
        return f"{mark(verdict)}: {why}"
    at_gate = any(gate.gate == where for gate in content.gates)
    return f"{mark(verdict)} at {'the ' + gate_name(where) if at_gate else shown(where, limit=60)}"


def rollout_phrase(row: RolloutRow, at: int) -> str:
    """One line: 'prod: 1.1.0 on trial with 10% of the traffic, for 3 d'."""
    lasted = span_text(max(0, at - row.began))
    return f"{row.environment}: {row.label} on trial {described(row)}, for {lasted}"
