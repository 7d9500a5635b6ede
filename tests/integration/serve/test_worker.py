"""A worker's life: starting, refusing to start, swapping, stopping, dying."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import plain_http
import pytest
from service_runs import wait_for

from interlock.errors import BlockedError, IntegrityError, OperatorError
from interlock.release.keys import SigningKey
from interlock.serve.log.read import read_log
from interlock.serve.log.record import read_record
from interlock.serve.plan import STDERR, Limits, plan_bytes
from interlock.serve.workers.process import start

JSON = {"content-type": "application/json"}
FOREIGN = ("sklearn", "pandas", "lightgbm", "onnx", "pyarrow", "duckdb", "sqlalchemy", "scipy")
EXTRAS = ("opentelemetry", "google", "requests")


def waiting_bytes(service):
    """Of bodies that have not come whole."""
    return plain_http.get(service.url + "/v1/status").json()["waiting_bytes"]


def test_serving_imports_no_training_library_and_no_extra(place):
    script = f"""
import sys
sys.path.insert(0, {str(place.root)!r})
from pathlib import Path
import interlock.serve.workers.worker
from interlock.serve.ids import PredictionIds
from interlock.serve.loaded.load import load
from interlock.serve.log.prediction_log import PredictionLog
from interlock.serve.plan import ServePlan
from interlock.serve.predictor import Predictor
directory = Path({str(place.boosting)!r})
plan = ServePlan(product="valuation", bundle=str(directory), log="", replay=True)
release = load(directory, plan, digest=directory.name)
with PredictionLog.open(Path({str(place.root / "imports")!r}), "w0") as log:
    body = b'{{"valued_on":"2024-05-31","year_built":1990,"area":120.0,"stories":"one"}}'
    status, _ = Predictor(release, log, plan, PredictionIds()).predict(body)
print(status, sorted(set({FOREIGN + EXTRAS!r}) & set(sys.modules)))
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (found.stdout, found.stderr) == ("200 []\n", "")


def test_a_taken_port_is_said_at_once(support, place, service, tmp_path):
    port = int(service.url.rpartition(":")[2])
    with pytest.raises(OperatorError) as caught:
        start(support.plan_for(place.boosting, log=tmp_path / "log", port=port))
    assert str(caught.value) == (
        "error[S101]: the port is in use\n"
        f"  where: 127.0.0.1:{port}\n"
        "  expected: an address and a port that nothing listens on\n"
        "  got: Address already in use\n"
        f"  fix: stop what listens there (ss -ltnp 'sport = :{port}'), or give --port 0"
    )


def test_beyond_loopback_a_token_is_needed(support, place, tmp_path):
    with pytest.raises(OperatorError, match="beyond this machine without a token"):
        start(support.plan_for(place.boosting, log=tmp_path / "log", host="0.0.0.0"))


@pytest.mark.parametrize(
    ("token", "mode"),
    [("", 0o600), ("short", 0o600), ("a" * 64, 0o600), ("0123456789abcdef" * 4, 0o644)],
)
def test_a_weak_token_is_refused(support, place, tmp_path, token, mode):
    path = tmp_path / "token"
    path.write_text(token)
    path.chmod(mode)
    plan = support.plan_for(place.boosting, log=tmp_path / "log", token_file=str(path))
    with pytest.raises(OperatorError, match="the token file cannot be used"):
        start(plan)


def test_every_path_but_health_needs_the_token(support, place, tmp_path):
    token = os.urandom(32).hex()
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text(token + "\n")
    plan = support.plan_for(place.boosting, log=tmp_path / "log", token_file=str(path))
    right = {"authorization": f"Bearer {token}"}
    with start(plan) as service, plain_http.Client(base_url=service.url) as client:
        for target in ("/v1/status", "/metrics", "/v1/schema", "/openapi.json", "/docs", "/nope"):
            for wrong in ({}, {"authorization": "Bearer x"}, {"authorization": f"Basic {token}"}):
                answer = client.get(target, headers=wrong)
                assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        body = support.request_body()
        assert client.post("/v1/predict", content=body, headers=JSON).status_code == 401
        assert client.post("/v1/predict", content=body, headers=JSON | right).status_code == 200
        assert client.get("/v1/schema", headers=right).status_code == 200
        assert client.get("/health/ready").status_code == 200


def test_nothing_unsigned_answers_live(place, tmp_path):
    place.point(place.boosting.name)
    with pytest.raises(IntegrityError, match="nobody entitled made this release live here"):
        start(place.live_plan(tmp_path / "log", attestations=str(tmp_path)))
    shutil.copytree(place.root / "attestations", tmp_path / "said")
    (tmp_path / "said" / place.boosting.name / "build.json").unlink()
    with pytest.raises(BlockedError, match="dev does not admit this bundle"):
        start(place.live_plan(tmp_path / "log", attestations=str(tmp_path / "said")))
    with pytest.raises(OperatorError, match="names no policy"):
        start(place.live_plan(tmp_path / "log", policy=None))
    stranger = SigningKey.generate().public
    with pytest.raises(IntegrityError, match="nobody entitled"):
        start(place.live_plan(tmp_path / "log", trusted_keys=(stranger.pem().decode(),)))


def test_who_can_write_the_pointer_makes_nothing_live(place, tmp_path):
    """Both releases are admitted, and were live here: neither by this pointer."""
    pointer = place.root / "live" / "dev" / "valuation.json"
    place.point(place.ridge.name)
    kept = pointer.read_bytes()
    generation = place.point(place.boosting.name)
    with (
        start(place.live_plan(tmp_path / "log")) as service,
        plain_http.Client(base_url=service.url) as client,
    ):

        def refuses(code):
            wait_for(lambda: (client.get("/v1/status").json()["problem"] or "").startswith(code))
            found = client.get("/v1/status").json()
            assert (found["digest"], found["generation"]) == (place.boosting.name, generation)

        pointer.write_bytes(kept)
        refuses("S136")
        place.point(place.ridge.name, signed=False)
        refuses("S135")
        for plan in (place.live_plan(tmp_path / "a"), place.live_plan(tmp_path / "b", workers=2)):
            with pytest.raises(IntegrityError, match="nobody entitled made this release live"):
                start(plan)
        pointer.write_bytes(kept)
        for plan in (place.live_plan(tmp_path / "a"), place.live_plan(tmp_path / "b", workers=2)):
            with pytest.raises(IntegrityError, match="an older state than there was"):
                start(plan)
        later = place.point(place.ridge.name)
        wait_for(lambda: client.get("/v1/status").json()["generation"] == later)
        assert client.get("/v1/status").json()["problem"] is None


def test_a_changed_file_keeps_the_service_from_starting(support, place, tmp_path):
    directory = tmp_path / place.boosting.name
    shutil.copytree(place.boosting, directory)
    (directory / "encoder.json").write_bytes(b"{}")
    with pytest.raises(IntegrityError):
        start(support.plan_for(directory, log=tmp_path / "log"))


class Load:
    """Clients that ask without a pause and keep what they were answered."""

    def __init__(self, url, body, threads=3):
        self.answers, self.failures = [], []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(url, body)) for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def _ask(self, url, body):
        with plain_http.Client(base_url=url) as client:
            while not self._stop.is_set():
                try:
                    answer = client.post("/v1/predict", content=body, headers=JSON)
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                    return
                if answer.status_code == 200:
                    self.answers.append(answer.json())
                else:
                    self.failures.append(answer.text)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_releases_swap_under_load_without_a_failed_request(support, place, tmp_path):
    place.point(place.boosting.name)
    with (
        start(place.live_plan(tmp_path / "log")) as service,
        plain_http.Client(base_url=service.url) as status,
    ):
        load = Load(service.url, support.request_body())
        for name in (place.ridge.name, place.boosting.name):
            answered = len(load.answers)
            wait_for(lambda n=answered: len(load.answers) > n + 20)
            resident = status.get("/v1/status").json()["resident"]
            generation = place.point(name)
            wait_for(lambda g=generation: status.get("/v1/status").json()["generation"] == g)
        load.stop()
    assert load.failures == []
    predictions = {(a["digest"], a["prediction"]) for a in load.answers}
    assert len(predictions) == 2  # each release gives its own one answer, never a mixture
    assert {digest for digest, _ in predictions} == {place.boosting.name, place.ridge.name}
    assert place.boosting.name in resident  # to flip back to: nothing is loaded again
    logged = {read_record(r.payload).id for r in read_log(tmp_path / "log")}
    assert {a["id"] for a in load.answers} == logged


def test_a_broken_release_never_answers(support, place, tmp_path):
    broken = place.root / "bundles" / ("b" * 64)
    shutil.copytree(place.ridge, broken)
    unsigned = support.write_bundle(place.root / "bundles", support.bundle_files(seed=7))
    foreign = support.write_bundle(place.root / "bundles", support.bundle_files(), product="rents")
    place.attest(foreign.name)
    place.point(place.boosting.name)
    with (
        start(place.live_plan(tmp_path / "log")) as service,
        plain_http.Client(base_url=service.url) as client,
    ):
        wrong = (broken.name, "R104"), (unsigned.name, "E104"), (foreign.name, "S130")
        for digest, problem in (*wrong, ("c" * 64, "R10")):
            place.point(digest)
            wait_for(lambda d=digest: client.get("/v1/status").json()["wanted_digest"] == d)
            status = client.get("/v1/status").json()
            assert status["digest"] == place.boosting.name
            assert status["problem"].startswith(problem)
            answer = client.post("/v1/predict", content=support.request_body(), headers=JSON)
            assert (answer.status_code, answer.json()["digest"]) == (200, place.boosting.name)
        pointer = place.root / "live" / "dev" / "valuation.json"
        pointer.write_bytes(b"{}")
        wait_for(lambda: (client.get("/v1/status").json()["problem"] or "").startswith("L120"))
        place.point(place.boosting.name)
        wait_for(lambda: client.get("/v1/status").json()["problem"] is None)


def test_a_killed_worker_has_logged_all_it_answered(support, place, tmp_path):
    service = start(support.plan_for(place.boosting, log=tmp_path / "log"))
    load = Load(service.url, support.request_body())
    wait_for(lambda: len(load.answers) > 50)
    service.kill()
    load.stop()
    logged = {read_record(r.payload).id for r in read_log(tmp_path / "log")}
    assert {a["id"] for a in load.answers} <= logged
    with start(support.plan_for(place.boosting, log=tmp_path / "log")) as again:
        assert plain_http.get(again.url + "/health/ready").status_code == 200


def test_a_native_model_is_marked_and_its_death_is_a_503_that_passes(support, place, tmp_path):
    native = support.write_bundle(tmp_path / "bundles", support.bundle_files("native"))
    with (
        start(support.plan_for(native, log=tmp_path / "log")) as service,
        plain_http.Client(base_url=service.url) as client,
    ):
        ask = {"url": "/v1/predict", "content": support.request_body(), "headers": JSON}
        before = client.post(**ask).json()
        assert client.get("/v1/schema").json()["isolated"] is True
        assert client.get("/v1/status").json()["isolated"] is True
        assert "Its model is scored in a process apart." in client.get("/docs").text
        children = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGKILL)
        met = client.post(**ask)
        assert (met.status_code, met.headers["retry-after"]) == (503, "1")
        assert met.json()["error"]["code"] == "S141"
        wait_for(lambda: client.post(**ask).status_code == 200, seconds=60)
        assert client.post(**ask).json()["prediction"] == before["prediction"]
    logged = [read_record(r.payload) for r in read_log(tmp_path / "log")]
    assert logged[0].status == 200
    assert (logged[1].status, logged[1].error) == (503, "S141")


def test_a_stopping_worker_answers_what_it_has_begun(support, place, tmp_path):
    limits = Limits(body_seconds=60)
    service = start(support.plan_for(place.boosting, log=tmp_path / "log", limits=limits))
    host, _, port = service.url.removeprefix("http://").rpartition(":")
    body = support.request_body()
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(
            b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n" % len(body) + body[:10]
        )
        wait_for(lambda: waiting_bytes(service) == 10)
        os.kill(service.pid, signal.SIGTERM)
        time.sleep(0.3)
        connection.sendall(body[10:])
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
    assert service.stop() == 0
    assert len(list(read_log(tmp_path / "log"))) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_a_service_that_stops_under_load_answers_all_that_it_logs(
    support, place, tmp_path, workers
):
    """Whatever was read is answered, also of requests sent one behind the other."""
    plan = support.plan_for(place.boosting, log=tmp_path / "log", workers=workers)
    body, at_once, answered = support.request_body(), 4, []
    data = b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    data = (data + b"content-length: %d\r\n\r\n" % len(body) + body) * at_once
    service = start(plan)
    host, _, port = service.url.removeprefix("http://").rpartition(":")

    def ask():
        with (
            contextlib.suppress(ConnectionError),
            socket.create_connection((host, int(port)), timeout=60) as connection,
        ):
            while True:
                connection.sendall(data)
                found = b""
                while found.count(b'"id":"') < at_once and (part := connection.recv(1 << 16)):
                    found += part
                answered.extend(re.findall(rb'"id":"(\w+)"', found))
                if not found:
                    return

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(answered) > 200)
    assert service.stop() == 0
    for thread in threads:
        thread.join()
    logged = [read_record(r.payload).id.encode() for r in read_log(tmp_path / "log")]
    assert sorted(answered) == sorted(logged)
    assert len(answered) % at_once == 0


def test_load_beyond_the_bound_is_shed(support, place, tmp_path):
    plan = support.plan_for(place.boosting, log=tmp_path / "log", limits=Limits(in_flight=0))
    with start(plan) as service, plain_http.Client(base_url=service.url) as client:
        for _ in range(2):
            shed = client.post("/v1/predict", content=support.request_body(), headers=JSON)
            assert (shed.status_code, shed.headers["retry-after"]) == (503, "1")
            assert shed.json()["error"]["code"] == "S120"
            assert "connection" not in shed.headers
        assert 'interlock_requests_shed_total{worker="w0"} 2\n' in client.get("/metrics").text
    assert list(read_log(tmp_path / "log")) == []


def test_nobody_waits_for_lines_that_nobody_reads(support, place, tmp_path):
    """Standard error is a full pipe, and the access log goes there: answers, and the end, come."""
    reading, writing = os.pipe()
    plan = tmp_path / "plan.json"
    plan.write_bytes(
        plan_bytes(support.plan_for(place.boosting, log=tmp_path / "log", access_log=STDERR))
    )
    full = fill(writing)
    command = [sys.executable, "-m", "interlock.serve", str(plan)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=writing) as worker:
        url = worker.stdout.readline().decode().split()[1]
        with plain_http.Client(base_url=url) as client:
            body, answered = support.request_body(), []
            for _ in range(20):
                found = client.post("/v1/predict", content=body, headers=JSON)
                answered.append(found.json()["id"])
            while full:
                full -= len(os.read(reading, full))
            lines = b""
            while lines.count(b"\n") < len(answered):
                lines += os.read(reading, 65_536)
            assert [json.loads(line)["id"] for line in lines.splitlines()] == answered
            assert 'interlock_lines_dropped_total{worker="w0"} 0\n' in client.get("/metrics").text
            fill(writing)
            assert client.post("/v1/predict", content=body, headers=JSON).status_code == 200
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    os.close(reading)
    os.close(writing)


def fill(writing):
    """Bytes until a pipe takes no more; it is one that waits again afterwards."""
    os.set_blocking(writing, False)
    n_bytes = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            n_bytes += os.write(writing, b"\n" * 4_096)
    os.set_blocking(writing, True)
    return n_bytes


def test_with_the_disk_as_witness_answers_come_too(support, place, tmp_path):
    plan = support.plan_for(place.boosting, log=tmp_path / "log", ack="disk")
    with start(plan) as service:
        url = service.url + "/v1/predict"
        answer = plain_http.post(url, content=support.request_body(), headers=JSON)
        assert answer.status_code == 200
        logged = [read_record(r.payload).id for r in read_log(tmp_path / "log")]
        assert logged == [answer.json()["id"]]


def test_the_worker_says_one_line_and_exits_by_the_error(support, place, tmp_path):
    plan = tmp_path / "plan.json"
    command = [sys.executable, "-m", "interlock.serve", str(plan)]
    plan.write_text("{}")
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 2
    assert found.stderr.startswith("error[S103]: the plan of the service cannot be read")
    plan.write_bytes(plan_bytes(support.plan_for(place.boosting, log=tmp_path / "log")))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as worker:
        line = worker.stdout.readline().decode()
        worker.send_signal(signal.SIGINT)
        rest, errors = worker.communicate(timeout=60)
    assert line.startswith("ready http://127.0.0.1:")
    assert line.endswith(" replay\n")
    assert (rest, errors, worker.returncode) == (b"", b"", 0)
    assert json.loads(plan.read_bytes())["product"] == "valuation"
