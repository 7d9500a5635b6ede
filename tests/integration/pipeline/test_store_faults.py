"""The online store on a real server, stopped, slow and wrong, and a folder that comes and goes.

The service is a small one of our own, which can be told to err.
"""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from redis_server import RedisServer

from interlock.pipeline.probes import fault_stage
from interlock.pipeline.probes.fault_server import (
    StoreServer,
    server_slow,
    server_stopped,
    server_wrong,
)
from interlock.pipeline.probes.fault_stage import Known, Stage
from interlock.pipeline.probes.fault_store import folder_stopped
from interlock.serve.plan import ServePlan
from interlock.store.online import Unavailable
from interlock.store.online_place import OnlineAccess, open_reader, open_writer

ACCESS = OnlineAccess(namespace="gate:v:0", timeout_seconds=0.2)
TABLE = {"key": [("area", "str")], "values": [("price", "float")], "digest": "d" * 64}
KNOWN = [Known(request={"area": a}, due={"prediction": p}) for a, p in (("a", 1.5), ("b", 2.5))]


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """A busy machine is no service that never recovers."""
    monkeypatch.setattr(fault_stage, "RECOVERY_SECONDS", 60.0)


@pytest.fixture
def soon(monkeypatch, _patient):
    """What never recovers is not waited for."""
    return lambda: monkeypatch.setattr(fault_stage, "RECOVERY_SECONDS", 2.0)


def fill(writer):
    writer.write("market", 10, rows=[("a", 1.5), ("b", 2.5)], **TABLE)
    writer.publish("market", 10)
    writer.close()


@pytest.fixture
def server(tmp_path):
    with RedisServer(tmp_path / "redis") as redis:
        fill(open_writer(redis.url, ACCESS, {}))
        yield StoreServer(url=redis.url, access=ACCESS, fill=lambda: None, empty=lambda: None)


def launching(answer=lambda found: found):
    """Starts services that look up in the plan's store; ``answer`` may make something else of it.

    It takes what was found, None where the store is unavailable.
    """

    @contextmanager
    def launch(plan):
        reader, lock = open_reader(plan.online, plan.online_access, {}), threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    try:
                        found = reader.read([("market", None, (asked["area"],))])[0].values[0]
                    except Unavailable:
                        found = None
                said = answer(found)
                status, body = 200, {"prediction": said, "id": "own"}
                if said is None:
                    status, body = 503, {"error": {"code": "S122", "message": "", "mistakes": []}}
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        service = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        service.daemon_threads = True
        threading.Thread(target=service.serve_forever, daemon=True).start()
        yield SimpleNamespace(url=f"http://127.0.0.1:{service.server_port}")
        service.shutdown()
        service.server_close()

    return launch


def stage(tmp_path, answer=lambda found: found):
    place = tmp_path / "stage"
    place.mkdir()
    plan = ServePlan(product="v", bundle="/b", log="/log", online_access=ACCESS)
    return Stage(launch=launching(answer), plan=plan, place=place, known=KNOWN)


FAULTS = [server_stopped, server_slow, lambda *given: server_wrong(*given, seed="bits")]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_service_that_says_so_meets_every_fault(server, tmp_path, fault):
    found = fault(stage(tmp_path), server)
    assert (found.wrong, found.problem) == ((), "")
    assert found.refused > 0
    assert found.recovered_seconds is not None


@pytest.mark.parametrize("fault", FAULTS)
def test_a_number_made_up_where_the_store_is_unavailable_is_found(server, tmp_path, fault):
    found = fault(stage(tmp_path, lambda found: 1.0 if found is None else found), server)
    assert found.wrong


class Weary:
    """Recovers so many times, and then never again."""

    def __init__(self, times):
        self.left, self.down = times, False

    def __call__(self, found):
        if found is None:
            self.down = True
        elif self.down and self.left > 0:
            self.left, self.down = self.left - 1, False
        return None if self.down else found


def never_in_between():
    """Is not right again while the fault is there for the first time over, but is in the end."""
    seen = []

    def answer(found):
        seen.append(found)
        downs = sum(a is None and b is not None for a, b in zip(seen, [0.0, *seen], strict=False))
        return None if downs == 1 else found

    return answer


def test_a_server_is_recovered_from_every_time(server, tmp_path, soon):
    soon()
    assert server_stopped(stage(tmp_path, Weary(1)), server).recovered_seconds is None


def test_a_recovery_in_between_counts_too(server, tmp_path, soon):
    soon()
    assert server_stopped(stage(tmp_path, never_in_between()), server).recovered_seconds is None


@pytest.mark.parametrize(("times", "recovers"), [(2, True), (1, False)])
def test_a_folder_is_recovered_from_every_time(tmp_path, soon, times, recovers):
    if not recovers:
        soon()
    fill(open_writer(str(tmp_path / "store"), ACCESS, {}))
    found = folder_stopped(stage(tmp_path, Weary(times)), tmp_path / "store")
    assert (found.wrong, found.problem) == ((), "")
    assert (found.recovered_seconds is not None) is recovers
