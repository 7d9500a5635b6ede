"""The service: its latency."""

from __future__ import annotations

from interlock.report.blocks import Figure
from interlock.report.charts.latency import latency
from interlock.report.charts.load import load
from interlock.report.content import LoadStep, Service
from interlock.report.names import shown
from interlock.report.numbers import percent, significant


def latencies(service: Service) -> Figure | None:
    """Latency by window, against the limit."""
    if not service.latency:
        return None
    title = "Latency by window"
    return Figure(
        title=title,
        drawing=latency(title, service.latency, limit=service.latency_limit_ms),
        head=("window", "requests", "p50, ms", "p95, ms", "p99, ms"),
        rows=tuple(
            (
                shown(w.label),
                f"{w.n:,}",
                *(significant(value) for value in (w.p50, w.p95, w.p99)),
            )
            for w in service.latency
        ),
        note="Hollow circle: half of the requests were faster. Full circle: 95 %. Diamond: 99 %.",
    )


def loads(service: Service) -> Figure | None:
    """Latency against offered load; None where nothing was answered."""
    if not any(step.p50 is not None and step.p99 is not None for step in service.load):
        return None
    title = "Latency under load"
    judged = [(step.offered, step.limit_ms) for step in service.load if step.judged]
    return Figure(
        title=title,
        drawing=load(title, service.load, limits=judged),
        head=("offered, 1/s", "answered, 1/s", "requests", "late", "p50, ms", "p99, ms", ""),
        rows=tuple(map(_load_row, service.load)),
        note="Hollow: half of the requests were faster. Full: 99 %. A request's time begins when "
        "it was due, so what waits behind a stall is late.",
    )


def _load_row(step: LoadStep) -> tuple[str, ...]:
    return (
        f"{step.offered:,g}",
        f"{step.answered:,.0f}",
        f"{step.n:,}",
        percent(step.late / step.n if step.n else None),
        significant(step.p50),
        significant(step.p99),
        f"judged, ≤ {step.limit_ms:g} ms" if step.judged else "only shown",
    )
