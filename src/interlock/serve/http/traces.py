"""A trace of each request for OpenTelemetry, sent by OTLP over HTTP: an extra, off by default.

Rules:

- where it is off nothing of OpenTelemetry is imported;
- a span is made of what is known once the answer is: it holds up no phase of it. Spans wait in a
  bounded queue and leave from a thread; what the receiver does, or that there is none, changes no
  answer, and a full queue drops spans;
- a span never holds a body, a unit's key or a value: names, counts and times only;
- everything else (where to, headers, sampling, the service's name) is said by OpenTelemetry's own
  environment variables.

>>> asked_for({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}), asked_for({})
(True, False)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from interlock.errors import OperatorError
from interlock.serve.replies import Reply

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CLOSE_SECONDS = 2.0  # for what is still queued when the service stops
_NANO = 1e9
_FAILED = 500


def asked_for(environ: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's own environment variables ask for traces."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environ.get("OTEL_TRACES_EXPORTER", "otlp").strip() not in ("", "otlp"):
        return False
    return any(environ.get(name, "").strip() for name in _ENDPOINTS)


class Traces:
    """Makes the spans of one worker."""

    def __init__(self, provider: TracerProvider, product: str) -> None:
        from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415 - an extra
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - an extra
            TraceContextTextMapPropagator,
        )

        self._provider = provider
        self._tracer = provider.get_tracer("interlock")
        self._parent = TraceContextTextMapPropagator()
        self._kind = SpanKind.SERVER
        self._failed = Status(StatusCode.ERROR)
        self._product = product

    @classmethod
    def open(cls, product: str, worker: str) -> Traces:
        """A queue, and a thread that sends what is in it. Raises OperatorError S188."""
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
                OTLPSpanExporter,
            )
            from opentelemetry.sdk.resources import (  # noqa: PLC0415 - an extra
                OTELResourceDetector,
                Resource,
            )
            from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

            ours = Resource.create({"service.name": product, "service.instance.id": worker})
            provider = TracerProvider(
                resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
            )
            provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        except (ImportError, ValueError) as error:
            raise _impossible(error) from None
        return cls(provider, product)

    def record(self, method: str, route: str, headers: Any, reply: Reply, seconds: float) -> None:
        """The span of a request that took so long and ended now.

        ``route`` is one of the service's own few names for a path; ``headers`` may name the parent.
        """
        ended = time.time_ns()
        begun = ended - round(seconds * _NANO)
        given = {n: v for n in ("traceparent", "tracestate") if (v := headers.get(n)) is not None}
        span = self._tracer.start_span(
            f"{method if method in _METHODS else 'HTTP'} {route}",
            context=self._parent.extract(given),
            kind=self._kind,
            attributes=self._attributes(method, route, reply),
            start_time=begun,
        )
        at = float(begun)
        for phase, microseconds in _spent(reply):
            at += microseconds * 1e3
            span.add_event(phase, {"interlock.us": microseconds}, timestamp=round(at))
        if reply.status >= _FAILED:
            span.set_status(self._failed)
        span.end(end_time=ended)

    def _attributes(self, method: str, route: str, reply: Reply) -> dict[str, str | int]:
        found: dict[str, str | int] = {
            "http.request.method": method if method in _METHODS else "_OTHER",
            "http.route": route,
            "http.response.status_code": reply.status,
            "interlock.product": self._product,
        }
        if reply.release:
            found |= {
                "interlock.release": reply.release,
                "interlock.arm": reply.arm,
                "interlock.prediction_id": reply.id,
                "interlock.rows": reply.rows,
            }
        return found

    def close(self) -> None:
        """Send what is queued, for at most two seconds: a receiver that hangs holds up no stop."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)


def _spent(reply: Reply) -> list[tuple[str, float]]:
    """Microseconds of each phase that there was, in their order."""
    if reply.phases is None:
        return []
    return [(phase, spent) for phase, spent in asdict(reply.phases).items() if spent]


def _impossible(error: Exception) -> OperatorError:
    return OperatorError(
        "S188",
        "traces cannot be sent like this",
        expected="the libraries of 'interlock[telemetry]', and OTEL_* variables that they take",
        got=str(error),
        fix="install 'interlock[telemetry]' and correct the variables, or ask for no traces",
        untouched="the release, the log",
    )
