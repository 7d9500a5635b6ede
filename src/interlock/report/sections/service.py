"""The service: equality with the trained model, and requests that must be refused."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.report.blocks import Section, Table, section, side_by_side
from interlock.report.content import BadInput, Parity, Service
from interlock.report.figures.service import latencies
from interlock.report.names import shown
from interlock.report.numbers import significant
from interlock.report.sections.table import Limits, cut


def service(found: Service | None, limits: Limits) -> Section | None:
    """How fast it answered, what was compared and what was refused, with what is wrong first."""
    if found is None:
        return None
    return section(
        "Service",
        *side_by_side(latencies(found)),
        _parities(found.parity, limits),
        _refusals(found.bad_inputs, limits),
    )


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
