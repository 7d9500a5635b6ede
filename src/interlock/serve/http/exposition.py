"""Snapshots of the workers as text that Prometheus reads (exposition format 0.0.4).

>>> print(exposition([Snapshot(worker="w0", requests=[], latencies=[], shed=2, displaced=0,
...     outcomes=0, in_flight=0, waiting_bytes=0, explaining_late=False, lines_dropped=0,
...     log_bytes=0, log_dropped=0, log_unsynced=0, staleness={}, release=None)]).splitlines()[3])
# TYPE interlock_requests_total counter
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from interlock.serve.log.shipping_state import Standing
from interlock.serve.metrics import BOUNDS, Snapshot

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, Labels, float]


def exposition(snapshots: Sequence[Snapshot], shipping: Standing | None = None) -> str:
    """All metrics of all workers, each with the worker's name; and of their log, where shipped."""
    lines: list[str] = []
    families = chain(_families(snapshots), () if shipping is None else _shipping(shipping))
    for name, kind, meaning, samples in families:
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
        lines += [_line(*sample) for sample in samples]
    return "\n".join(lines) + "\n"


def _families(found: Sequence[Snapshot]) -> Iterator[tuple[str, str, str, list[Sample]]]:
    releases = [
        ("interlock_release_info", _of(s, release=r, digest=d, arm=a, generation=g), 1.0)
        for s in found
        if s.release is not None
        for r, d, a, g in [s.release]
    ]
    yield "interlock_release_info", "gauge", "The release that answers.", releases
    answers = [
        ("interlock_requests_total", _of(s, path=path, status=status), float(n))
        for s in found
        for path, status, n in s.requests
    ]
    yield "interlock_requests_total", "counter", "Requests answered.", answers
    shares = [
        ("interlock_rollout_share", _of(s, release=r, digest=d), share)
        for s in found
        if s.rollout is not None
        for r, d, share in [s.rollout]
    ]
    yield (
        "interlock_rollout_share",
        "gauge",
        "Share of the units that are the challenger's.",
        shares,
    )
    name = "interlock_rollout_stand_ins_total"
    stood = [
        (name, _of(s, release=r, code=code), float(n)) for s in found for r, code, n in s.stand_ins
    ]
    yield name, "counter", "Requests that the champion answered for the challenger.", stood
    latencies = [sample for s in found for sample in _histogram(s)]
    meaning = "From a request's headers to its answer."
    yield "interlock_prediction_seconds", "histogram", meaning, latencies
    for name, kind, meaning, field in _NUMBERS:
        yield name, kind, meaning, [(name, _of(s), float(getattr(s, field))) for s in found]
    name = "interlock_history_age_seconds"
    ages = [(name, _of(s, history=h), age) for s in found for h, age in s.staleness.items()]
    yield name, "gauge", "Age of the grid point that a history answers from.", ages


def _shipping(found: Standing) -> Iterator[tuple[str, str, str, list[Sample]]]:
    shipped = None if found.shipped_at is None else found.shipped_at / 1e6
    for name, meaning, value in (
        ("unshipped_bytes", "Bytes in segments of the log.", found.unshipped_bytes),
        ("shipped_timestamp_seconds", "When the log was shipped last (Unix time).", shipped),
        ("shipping_failures", "Attempts to ship that failed since then.", found.failures),
    ):
        whole = f"interlock_log_{name}"
        samples: list[Sample] = [] if value is None else [(whole, (), float(value))]
        yield whole, "gauge", meaning, samples


_NUMBERS = (
    ("interlock_requests_in_flight", "gauge", "Predictions asked for, not answered.", "in_flight"),
    (
        "interlock_request_bytes_waiting",
        "gauge",
        "Bytes of bodies whose rest is waited for.",
        "waiting_bytes",
    ),
    ("interlock_requests_shed_total", "counter", "Requests refused for overload.", "shed"),
    (
        "interlock_explaining_late",
        "gauge",
        "1 while an explanation has not come in its time and none other is begun.",
        "explaining_late",
    ),
    (
        "interlock_connections_displaced_total",
        "counter",
        "Connections without a request, closed to make room for new ones.",
        "displaced",
    ),
    (
        "interlock_lines_dropped_total",
        "counter",
        "Lines for standard error or the access log that could not be written.",
        "lines_dropped",
    ),
    ("interlock_outcomes_total", "counter", "Outcomes taken.", "outcomes"),
    ("interlock_log_bytes_total", "counter", "Bytes written to the prediction log.", "log_bytes"),
    (
        "interlock_log_dropped_total",
        "counter",
        "Predictions answered and not logged, of this worker's log from its first start on.",
        "log_dropped",
    ),
    (
        "interlock_log_unsynced_records",
        "gauge",
        "Records written and not yet known to be on disk.",
        "log_unsynced",
    ),
)


def _histogram(found: Snapshot) -> Iterable[Sample]:
    name = "interlock_prediction_seconds"
    for release, arm, latency in found.latencies:
        total = 0
        for bound, count in zip((*map(_number, BOUNDS), "+Inf"), latency.counts, strict=True):
            total += count
            yield f"{name}_bucket", _of(found, release=release, arm=arm, le=bound), float(total)
        yield f"{name}_sum", _of(found, release=release, arm=arm), latency.seconds
        yield f"{name}_count", _of(found, release=release, arm=arm), float(total)


def _of(found: Snapshot, **labels: object) -> Labels:
    return (("worker", found.worker), *((name, str(value)) for name, value in labels.items()))


def _line(name: str, labels: Labels, value: float) -> str:
    shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    return f"{name}{{{shown}}} {_number(value)}" if shown else f"{name} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    """Whole numbers without a point: 3.0 → '3', 0.0001 → '0.0001'."""
    return str(int(value)) if value == int(value) else repr(value)
