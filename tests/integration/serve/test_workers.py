"""Several workers behind one port: swaps, deaths, stopping, the log of all."""

import json
import os
import shutil
import signal
import threading
from collections import Counter
from functools import partial
from pathlib import Path

import httpx
import plain_http
import pytest
import service_runs
from service_runs import workers_of

from interlock.errors import IntegrityError, OperatorError
from interlock.serve.log.read import read_log
from interlock.serve.log.record import read_record
from interlock.serve.workers.process import start

JSON = {"content-type": "application/json"}
wait_for = partial(service_runs.wait_for, through=(httpx.TransportError,))


def get(service, path):
    """Asked on a connection of its own, so that any worker may answer."""
    return plain_http.get(service.url + path)


class Load:
    """Clients that ask on new connections now and then, and keep what they were answered."""

    def __init__(self, url, body, threads=2, patient=False):
        self.answers, self.failures = [], []
        self._url, self._body, self._patient = url, body, patient
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _ask(self):
        while not self._stop.is_set():
            with plain_http.Client(base_url=self._url) as client:
                for _ in range(20):
                    try:
                        answer = client.post("/v1/predict", content=self._body, headers=JSON)
                    except httpx.TransportError as error:
                        self.failures.append(repr(error))
                        break
                    if answer.status_code == 200:
                        self.answers.append(answer.json())
                    else:
                        self.failures.append(answer.text)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def logged(place):
    return [read_record(r.payload).id for r in read_log(place)]


def gone(pids):
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_swap_and_a_rollback_with_two_workers_fail_no_request(support, place, tmp_path):
    first = place.point(place.boosting.name)
    with start(place.live_plan(tmp_path / "log", workers=2)) as service:
        load = Load(service.url, support.request_body())
        assert get(service, "/v1/status").json()["generation"] == first
        for digest in (place.ridge.name, place.boosting.name):
            generation = place.point(digest)
            seen = Counter()
            wait_for(lambda g=generation, s=seen: arrived(service, g, s))
        wait_for(lambda: {r.worker for r in read_log(tmp_path / "log")} == {"w0", "w1"})
        load.stop()
        assert sorted(workers_of(service.pid)) == ["w0", "w1"]
    assert load.failures == []
    assert len({(a["digest"], a["prediction"]) for a in load.answers}) == 2
    assert {a["id"] for a in load.answers} == set(logged(tmp_path / "log"))
    assert {r.worker for r in read_log(tmp_path / "log")} == {"w0", "w1"}


def arrived(service, generation, seen):
    """Whether ten answers in a row, of whichever worker, say this generation."""
    found = get(service, "/v1/status").json()
    assert found["problem"] is None
    seen["in a row"] = seen["in a row"] + 1 if found["generation"] == generation else 0
    return seen["in a row"] >= 10


def test_a_killed_worker_comes_back_and_the_log_is_complete(support, place, tmp_path):
    plan = support.plan_for(place.boosting, log=tmp_path / "log", workers=2)
    with start(plan) as service:
        load = Load(service.url, support.request_body())
        wait_for(lambda: len(load.answers) > 50)
        before = workers_of(service.pid)
        os.kill(before["w1"], signal.SIGKILL)
        answered = len(load.answers)
        wait_for(lambda: len(load.answers) > answered + 50)
        wait_for(lambda: workers_of(service.pid).get("w1") not in (None, before["w1"]))
        assert get(service, "/health/ready").status_code == 200
        load.stop()
        assert workers_of(service.pid)["w0"] == before["w0"]
        wait_for(lambda: "w1 ended with status -9; starts in 0.2 s" in service.said())
    found = logged(tmp_path / "log")
    assert len(found) == len(set(found))
    assert {a["id"] for a in load.answers} <= set(found)


def test_any_worker_answers_for_the_counts_of_all(support, place, tmp_path):
    path = tmp_path / "access"  # no pipe: once that is full, lines are left out
    with (
        path.open("wb") as stream,
        start(
            support.plan_for(
                place.boosting, log=tmp_path / "log", workers=2, access_log=stream.fileno()
            )
        ) as service,
    ):
        load = Load(service.url, support.request_body())
        wait_for(lambda: len(load.answers) > 100)
        wait_for(lambda: {r.worker for r in read_log(tmp_path / "log")} == {"w0", "w1"})
        load.stop()
        assert load.failures == []
        asked = len(load.answers)
        wait_for(lambda: counted(get(service, "/metrics").text) == asked)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    answered = {line["id"] for line in lines if line["path"] == "/v1/predict"}
    assert answered == {a["id"] for a in load.answers}
    assert {line["worker"] for line in lines} == {"w0", "w1"}


def counted(text):
    name = "interlock_requests_total"
    lines = [line for line in text.splitlines() if line.startswith(name) and "predict" in line]
    return sum(int(line.rpartition(" ")[2]) for line in lines)


def test_one_worker_that_cannot_have_it_ready_keeps_all_at_the_old_release(
    support, place, tmp_path
):
    place.point(place.boosting.name)
    broken = place.root / "bundles" / ("d" * 64)
    shutil.copytree(place.ridge, broken, dirs_exist_ok=True)
    with start(place.live_plan(tmp_path / "log", workers=2)) as service:
        place.point(broken.name)
        wait_for(lambda: "R104" in (get(service, "/v1/status").json()["problem"] or ""))
        for _ in range(10):
            answer = plain_http.post(
                service.url + "/v1/predict", content=support.request_body(), headers=JSON
            )
            assert (answer.status_code, answer.json()["digest"]) == (200, place.boosting.name)


def test_all_workers_stop_when_they_are_told_and_when_their_parent_dies(support, place, tmp_path):
    plan = support.plan_for(place.boosting, log=tmp_path / "log", workers=2)
    service = start(plan)
    pids = workers_of(service.pid).values()
    assert service.stop() == 0
    assert gone(pids)
    orphaned = start(plan)
    pids = workers_of(orphaned.pid).values()
    orphaned.kill()
    wait_for(lambda: gone(pids))


def test_what_keeps_a_worker_from_starting_is_said_by_the_parent(support, place, tmp_path, service):
    directory = tmp_path / place.boosting.name
    shutil.copytree(place.boosting, directory)
    (directory / "encoder.json").write_bytes(b"{}")
    with pytest.raises(IntegrityError):
        start(support.plan_for(directory, log=tmp_path / "log", workers=2))
    port = int(service.url.rpartition(":")[2])
    with pytest.raises(OperatorError, match="the port is in use"):
        start(support.plan_for(place.boosting, log=tmp_path / "log", port=port, workers=2))
