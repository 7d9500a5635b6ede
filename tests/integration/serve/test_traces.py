"""Traces against a real OTLP receiver over HTTP; and none, a failing and a hanging one."""

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import plain_http
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from interlock.errors import OperatorError
from interlock.serve.http.traces import Traces, asked_for
from interlock.serve.workers.process import start

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Receiver(ThreadingHTTPServer):
    """Takes what is exported; answers with ``status``, after ``hold`` is set where there is one."""

    daemon_threads = True

    def __init__(self, status=200, hold=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.hold, self.bodies, self.paths = status, hold, [], []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def spans(self, n, seconds=60):
        """The first ``n`` spans, as (resource attributes, span), once they have come."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = [
                (attributes(group.resource), span)
                for body in list(self.bodies)
                for group in ExportTraceServiceRequest.FromString(body).resource_spans
                for scope in group.scope_spans
                for span in scope.spans
            ]
            if len(found) >= n:
                return found
            time.sleep(0.02)
        raise AssertionError(f"{len(found)} spans came, not {n}")

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        if self.hold is not None:
            self.hold.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.server.hold is not None:
            self.server.hold.wait(60)
        self.server.paths.append(self.path)
        self.server.bodies.append(body)
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def attributes(holder):
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in holder.attributes}


@pytest.fixture
def traced(support, place, tmp_path, monkeypatch):
    """Starts a worker that sends its traces to a receiver."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")

    def begin(url):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        return start(support.plan_for(place.boosting, log=tmp_path / "log", telemetry=True))

    return begin


def test_a_request_is_a_span_with_its_phases_and_its_parent(traced, support):
    with Receiver() as receiver, traced(receiver.url) as service:
        parent = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "a=b"}
        with plain_http.Client(base_url=service.url) as client:
            one = client.post("/v1/predict", json=support.REQUEST, headers=parent).json()
            client.post("/v1/predict", json=[support.REQUEST] * 3)
            client.post("/v1/predict", json={"area": "not to be told"})
            client.get("/a/path?of=somebody")
        found = receiver.spans(4)
    spans = {name: [s for _, s in found if s.name == name] for name in {s.name for _, s in found}}
    resource = found[0][0]
    assert receiver.paths[0] == "/v1/traces"
    assert (resource["service.name"], resource["service.instance.id"]) == ("valuation", "w0")
    assert resource["deployment.environment.name"] == "test"
    first, many, wrong = spans["POST /v1/predict"]
    assert (first.trace_id.hex(), first.parent_span_id.hex()) == (TRACE, PARENT)
    assert (first.trace_state, first.kind) == ("a=b", Span.SPAN_KIND_SERVER)
    assert attributes(first) == {
        "http.request.method": "POST",
        "http.route": "/v1/predict",
        "http.response.status_code": 200,
        "interlock.product": "valuation",
        "interlock.release": "1.4.0",
        "interlock.arm": "champion",
        "interlock.prediction_id": one["id"],
        "interlock.rows": 1,
    }
    events = [(event.name, event.time_unix_nano) for event in first.events]
    assert [name for name, _ in events] == "decode features history encode score answer".split()
    assert [time for _, time in events] == sorted(time for _, time in events)
    assert first.start_time_unix_nano < events[0][1] <= events[-1][1] <= first.end_time_unix_nano
    assert all(attributes(event)["interlock.us"] >= 0 for event in first.events)
    assert attributes(many)["interlock.rows"] == 3
    assert many.trace_id.hex() != TRACE
    assert attributes(wrong)["http.response.status_code"] == 422
    assert wrong.status.code == Status.STATUS_CODE_UNSET
    (other,) = spans["GET other"]
    assert attributes(other)["http.response.status_code"] == 404
    told = b"".join(receiver.bodies)
    for secret in (b"not to be told", b"somebody", b"a/path", b"year_built", b"2024-05-31"):
        assert secret not in told


@pytest.mark.parametrize("receiver", ["failing", "hanging", "gone"])
def test_what_the_receiver_does_changes_no_answer(traced, support, receiver):
    hold = threading.Event() if receiver == "hanging" else None
    with Receiver(status=503, hold=hold) as there:
        url = "http://127.0.0.1:9" if receiver == "gone" else there.url
        with traced(url) as service, plain_http.Client(base_url=service.url) as client:
            for _ in range(50):
                assert client.post("/v1/predict", json=support.REQUEST).status_code == 200
            client.close()
            assert service.stop() == 0


def test_a_variable_that_cannot_be_used_is_said_at_the_start(monkeypatch):
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "99999")
    with pytest.raises(OperatorError, match="max_export_batch_size") as caught:
        Traces.open("valuation", "w0")
    assert caught.value.code == "S188"


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(OperatorError, match="interlock\\[telemetry\\]") as caught:
        Traces.open("valuation", "w0")
    assert caught.value.code == "S188"


@pytest.mark.parametrize(
    ("environ", "asked"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://a:4318"}, False),
    ],
)
def test_when_the_environment_asks_for_traces(environ, asked):
    assert asked_for(environ) is asked
