"""The service: its latency."""

from __future__ import annotations

from interlock.report.blocks import Figure
from interlock.report.charts.latency import latency
from interlock.report.content import Service
from interlock.report.names import shown
from interlock.report.numbers import significant


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
