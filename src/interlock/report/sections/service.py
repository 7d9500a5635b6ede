"""The service: latency and load, equality with the trained model, refusals, planned faults."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from interlock.report.blocks import Section, Table, Tally, Text, section, side_by_side
from interlock.report.content import BadInput, Fault, Parity, Service
from interlock.report.figures.service import latencies, loads
from interlock.report.names import shown
from interlock.report.numbers import seconds_text, significant
from interlock.report.sections.table import Limits, cut
from interlock.wording import counted


def service(found: Service | None, limits: Limits) -> Section | None:
    """How fast it answered, what was compared and what was refused, with what is wrong first."""
    if found is None:
        return None
    return section(
        "Service",
        *side_by_side(latencies(found), loads(found)),
        _costs(found),
        _faults(found.faults, limits),
        _parities(found.parity, limits),
        _refusals(found.bad_inputs, limits),
        _generated(found.generated_wrong, limits),
        _parts(found),
    )


def _costs(found: Service) -> Tally | None:
    """What starting it, and all that was asked of it, took."""
    items = []
    if found.starts:
        median = statistics.median(found.starts)
        items.append((seconds_text(median), "to start, the median of", f"{len(found.starts)}"))
    if found.memory is not None:
        items.append((f"{significant(found.memory)} MB", "of memory at most", ""))
    if found.generated is not None:
        wrong = counted(len(found.generated_wrong), "wrong answer")
        items.append((f"{found.generated:,}", "generated requests", wrong))
    return Tally(items=tuple(items)) if items else None


def _faults(found: Sequence[Fault], limits: Limits) -> Table | None:
    if not found:
        return None
    ordered = sorted(found, key=lambda fault: (not fault.planned, fault.name))
    head = ("planned fault", "", "asked", "right", "refused", "degraded", "right again after", "")
    return cut("What broke around it", head, [_fault(fault) for fault in ordered], limits)


def _fault(fault: Fault) -> tuple[str, ...]:
    if not fault.planned:
        return (shown(fault.name), "– not planned", "", "", "", "", "", shown(fault.why, limit=160))
    right = fault.recovered is not None and not fault.wrong and not fault.why
    return (
        shown(fault.name),
        "✔ as declared" if right else "✖ not as declared",
        f"{fault.asked:,}",
        f"{fault.answered:,}",
        f"{fault.refused:,}",
        f"{fault.degraded:,}",
        "never" if fault.recovered is None else seconds_text(fault.recovered),
        shown(fault.why, limit=160),
    )


def _generated(wrong: Sequence[str], limits: Limits) -> Table | None:
    if not wrong:
        return None
    rows = [(shown(one, limit=300),) for one in wrong]
    return cut("Generated requests", ("answered otherwise than documented",), rows, limits)


def _parts(found: Service) -> Text | None:
    if not found.parts:
        return None
    took = ", ".join(f"{shown(name)} {seconds_text(seconds)}" for name, seconds in found.parts)
    return Text(text=f"Asked in the {shown(found.form)} form: {took}.", quiet=True)


def _refusals(found: Sequence[BadInput], limits: Limits) -> Table | None:
    if not found:
        return None
    ordered = sorted(found, key=lambda b: (b.refused, b.name))
    head = ("request", "", "expected", "got")
    return cut("Requests that must be refused", head, [_bad_input(b) for b in ordered], limits)


def _parities(found: Sequence[Parity], limits: Limits) -> Table | None:
    if not found:
        return None
    ordered = sorted(found, key=lambda p: (bool(p.compared) and not p.different, p.name))
    head: tuple[str, ...] = ("compared", "", "values", "different", "worst, relative", "allowed")
    rows = [_parity(one) for one in ordered]
    if any(one.example for one in ordered):
        head = (*head, "example")
        rows = [
            (*row, shown(one.example, limit=160)) for row, one in zip(rows, ordered, strict=True)
        ]
    return cut("The service answers as the trained model", head, rows, limits)


def _parity(one: Parity) -> tuple[str, ...]:
    answer = "✖ different" if one.different else "✔ equal"
    return (
        shown(one.name),
        answer if one.compared else "? nothing compared",
        f"{one.compared:,}",
        f"{one.different:,}",
        "" if one.worst is None else significant(one.worst),
        "" if one.tolerance is None else significant(one.tolerance),
    )


def _bad_input(given: BadInput) -> tuple[str, ...]:
    answer = "✔ refused" if given.refused else "✖ not refused"
    return shown(given.name), answer, shown(given.expected), shown(given.got)
