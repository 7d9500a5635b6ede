"""Champion and challenger in real workers: who answers, growing, failing, under load."""

import contextlib
import json
import math
import os
import re
import resource
import shutil
import signal
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import httpx
import plain_http
import pytest
import service_runs
from service_runs import workers_of

from interlock.release.keys import SigningKey
from interlock.serve.log.read import read_log
from interlock.serve.log.record import read_record
from interlock.serve.plan import Limits
from interlock.serve.rollout.evidence import POOL, left, left_by
from interlock.serve.rollout.traffic import CHALLENGER, CHAMPION, Split, arm_of
from interlock.serve.rollout.trial import TRIAL_SECONDS
from interlock.serve.workers.process import start

SALT = "a rollout"
JSON = {"content-type": "application/json"}
wait_for = partial(service_runs.wait_for, through=(httpx.TransportError,))
YEARS = range(1800, 2024)


def status(service):
    """Asked on a connection of its own, so that any worker may answer."""
    return plain_http.get(service.url + "/v1/status").json()


def everywhere(service, generation, revision, seconds=60):
    """Wait until ten answers in a row, of whichever worker, say that this is what answers."""
    row = Counter()

    def arrived():
        found = status(service)
        trial = found["rollout"]
        there = (trial["revision"], trial["loaded"]) if trial else (0, True)
        fits = (found["generation"], *there) == (generation, revision, True)
        row["n"] = row["n"] + 1 if fits else 0
        return row["n"] >= 10

    wait_for(arrived, seconds=seconds)


def assigned(year, buckets):
    """The unit of the small release is (year_built, area per story)."""
    return arm_of((year, 120.0), Split(SALT, buckets))


def records(log):
    return [read_record(r.payload) for r in read_log(log)]


def counted(service, name):
    """The sum of a metric's samples over workers, by its other labels."""
    text = plain_http.get(service.url + "/metrics").text
    return sum(float(x.rpartition(" ")[2]) for x in text.splitlines() if x.startswith(name + "{"))


@pytest.fixture(scope="module")
def running(support, place, tmp_path_factory):
    """One worker with a rollout at 20 %, and its log."""
    log = tmp_path_factory.mktemp("rollout") / "log"
    generation = place.point(place.boosting.name)
    with start(place.live_plan(log, pinned_arms=True)) as service:
        revision = place.try_out(place.ridge.name, 2_000)
        everywhere(service, generation, revision)
        yield service, log


@pytest.fixture
def client(running):
    with plain_http.Client(base_url=running[0].url, headers=JSON) as client:
        yield client


def ask(client, support, year, **headers):
    reply = client.post(
        "/v1/predict", content=support.request_body(year_built=year), headers=headers
    )
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_every_unit_is_answered_by_its_arm_again_and_again(running, client, support, place):
    first = {year: ask(client, support, year) for year in YEARS}
    assert {year: answer["arm"] for year, answer in first.items()} == {
        year: assigned(year, 2_000) for year in YEARS
    }
    n = sum(answer["arm"] == CHALLENGER for answer in first.values())
    assert abs(n - 0.2 * len(YEARS)) < 4 * math.sqrt(0.16 * len(YEARS))
    digests = {CHAMPION: place.boosting.name, CHALLENGER: place.ridge.name}
    assert all(answer["digest"] == digests[answer["arm"]] for answer in first.values())
    assert [ask(client, support, year)["prediction"] for year in (1800, 1900, 2000)] == [
        first[year]["prediction"] for year in (1800, 1900, 2000)
    ]
    logged = {r.id: r for r in records(running[1])}
    for answer in first.values():
        record = logged[answer["id"]]
        assert (record.assigned, record.arm) == (answer["arm"], answer["arm"])
        assert (record.digest, record.pinned, record.instead) == (answer["digest"], False, "")


def test_rows_of_a_list_are_divided(running, client, support):
    rows = [json.loads(support.request_body(year_built=year)) for year in YEARS]
    answers = client.post("/v1/predict", json=rows).json()
    assert [answer["arm"] for answer in answers] == [assigned(year, 2_000) for year in YEARS]
    logged = {r.id: r for r in records(running[1])}
    assert [logged[answer["id"]].row for answer in answers] == list(range(len(YEARS)))
    refused = client.post("/v1/predict", json=[*rows, {"year_built": 3}])
    assert refused.status_code == 422
    assert {m["row"] for m in refused.json()["error"]["mistakes"]} == {len(rows)}


def test_an_arm_can_be_chosen_and_the_log_says_so(running, client, support, place):
    year = champions_year()
    chosen = ask(client, support, year, **{"Interlock-Arm": CHALLENGER})
    assert (chosen["arm"], chosen["digest"]) == (CHALLENGER, place.ridge.name)
    record = next(r for r in records(running[1]) if r.id == chosen["id"])
    assert (record.pinned, record.arm) == (True, CHALLENGER)
    reply = client.post(
        "/v1/predict", content=support.request_body(), headers={"Interlock-Arm": "both"}
    )
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "S161")


def test_tensors_are_divided_too(running, client, support):
    rows = [json.loads(support.request_body(year_built=year)) for year in YEARS[:60]]
    kinds = {"valued_on": "BYTES", "year_built": "INT64", "area": "FP64", "stories": "BYTES"}
    inputs = [
        {"name": name, "datatype": kind, "shape": [60], "data": [row[name] for row in rows]}
        for name, kind in kinds.items()
    ]
    found = client.post("/v2/models/valuation/infer", json={"inputs": inputs}).json()
    arms = [assigned(year, 2_000) for year in YEARS[:60]]
    assert found["parameters"]["arm"] == ",".join(arms)
    live = status(running[0])
    assert found["model_version"] == live["release"]
    path = f"/v2/models/valuation/versions/{live['release']}/infer"
    for headers in ({}, {"Interlock-Arm": CHALLENGER}):
        named = client.post(path, json={"inputs": inputs, "id": "n"}, headers=headers).json()
        assert named["parameters"]["arm"] == CHAMPION
        marks = [(r.arm, r.pinned) for r in records(running[1])[-60:]]
        assert marks == [(CHAMPION, True)] * 60  # somebody chose: left out of the experiment


def test_the_challengers_version_can_be_named_by_who_may_choose(running, client, support):
    """Its page and its answers are its own; the log leaves who chose out of the experiment."""
    live = status(running[0])
    versions = [live["release"], live["rollout"]["release"]]
    model = "/v2/models/valuation"
    assert client.get(model).json()["versions"] == versions
    row = json.loads(support.request_body(year_built=champions_year()))
    kinds = {"valued_on": "BYTES", "year_built": "INT64", "area": "FP64", "stories": "BYTES"}
    inputs = [
        {"name": name, "datatype": kind, "shape": [1], "data": [row[name]]}
        for name, kind in kinds.items()
    ]
    for version, arm in ((versions[1], CHALLENGER), (live["rollout"]["digest"], CHALLENGER)):
        path = f"{model}/versions/{version}"
        assert client.get(path).status_code == 200
        assert client.get(f"{path}/ready").json() == {"name": "valuation", "ready": True}
        for headers in ({}, {"Interlock-Arm": CHAMPION}):
            found = client.post(f"{path}/infer", json={"inputs": inputs}, headers=headers).json()
            assert (found["model_version"], found["parameters"]["arm"]) == (versions[1], arm)
            last = records(running[1])[-1]
            assert (last.assigned, last.arm, last.pinned) == (arm, arm, True)
    refused = client.post(f"{model}/versions/7/infer", json={"inputs": inputs})
    said = f"there is no such version; {versions[0]} is live, {versions[1]} is on trial"
    assert (refused.status_code, refused.json()["error"]) == (404, f"S116: {said}")


def champions_year():
    return next(year for year in YEARS if assigned(year, 2_000) == CHAMPION)


def test_status_and_metrics_tell_of_the_rollout(running, place):
    found = status(running[0])["rollout"]
    assert (found["digest"], found["share"], found["loaded"]) == (place.ridge.name, 0.2, True)
    assert counted(running[0], "interlock_rollout_share") == 0.2


def test_only_who_may_chooses_an_arm(support, place, tmp_path):
    generation = place.point(place.boosting.name)
    with start(place.live_plan(tmp_path / "log")) as service:
        everywhere(service, generation, 0)
        reply = plain_http.post(
            service.url + "/v1/predict",
            content=support.request_body(),
            headers=JSON | {"Interlock-Arm": CHAMPION},
        )
        everywhere(service, generation, place.try_out(place.ridge.name, 2_000))
        path = f"/v2/models/valuation/versions/{place.ridge.name}"
        about = plain_http.get(service.url + path)
        data = {"name": "year_built", "datatype": "INT64", "shape": [1], "data": [1990]}
        named = plain_http.post(f"{service.url}{path}/infer", json={"inputs": [data]})
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "S160")
    assert about.status_code == 200
    assert (named.status_code, named.json()["error"][:5]) == (403, "S160:")


PAUSE = 0.005  # seconds: else who asks keeps the cores from what it is waiting for


class Load:
    """Clients that ask for many units on new connections now and then, and keep the answers."""

    def __init__(self, url, support, threads=2, years=YEARS, pause=PAUSE):
        self.answers, self.failures = [], []
        self._years, self._pause = years, pause
        self._url, self._support = url, support
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(i,)) for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def _ask(self, turn):
        while not self._stop.is_set():
            with plain_http.Client(base_url=self._url, headers=JSON) as client:
                for _ in range(20):
                    self._stop.wait(self._pause)
                    turn += 1
                    year = self._years[turn * 7 % len(self._years)]
                    body = self._support.request_body(year_built=year)
                    try:
                        answer = client.post("/v1/predict", content=body)
                    except httpx.TransportError as error:
                        self.failures.append(repr(error))
                        break
                    if answer.status_code == 200:
                        self.answers.append((year, answer.json()))
                    else:
                        self.failures.append(answer.text)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_a_whole_rollout_with_two_workers_under_load_fails_no_request(support, place, tmp_path):
    generation = place.point(place.boosting.name)
    with start(place.live_plan(tmp_path / "log", workers=2)) as service:
        load = Load(service.url, support, pause=0)
        shares = {}
        for buckets, act in ((1_000, "start"), (5_000, "grow"), (0, "stop"), (3_000, "start")):
            revision = place.try_out(place.ridge.name, buckets, act)
            everywhere(service, generation, 0 if act == "stop" else revision)
            begun = len(load.answers)
            wait_for(lambda n=begun: len(load.answers) > n + 150)
            shares[buckets] = load.answers[begun : begun + 150]
        generation = place.point(place.ridge.name)  # promoted: it is resident
        everywhere(service, generation, 0)
        generation = place.point(place.boosting.name)  # rolled back
        everywhere(service, generation, 0)
        load.stop()
    assert load.failures == []
    for buckets, answers in shares.items():
        assert all(answer["arm"] == assigned(year, buckets) for year, answer in answers)
    logged = {r.id: r for r in records(tmp_path / "log")}
    assert set(logged) == {answer["id"] for _, answer in load.answers}
    assert all(r.assigned == r.arm for r in logged.values())


def flipped(directory):
    path = directory / "encoder.json"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


HANG = "\nwhile True:\n    pass\n"
CRASH = "\nimport os\nos.abort()\n"


def other_answers(support, place):
    """A release whose golden answers are those of another model."""
    files = support.bundle_files()
    return support.write_bundle(
        place.root / "bundles",
        files | {"golden.json": support.bundle_files("ridge")["golden.json"]},
    )


def packed(support, place, text):
    files = support.bundle_files("ridge")
    source = files["packed/features.py"] + text.encode()
    return support.write_bundle(place.root / "bundles", files | {"packed/features.py": source})


def broken(kind, support, place):
    """A release that is broken in one of the ways that are to be withstood."""
    if kind == "a flipped bit":
        directory = place.root / "bundles" / ("f" * 64)
        if not directory.exists():
            shutil.copytree(place.ridge, directory)
            flipped(directory)
        return directory, "R1"
    if kind == "golden answers differ":
        return other_answers(support, place), "S1"
    if kind == "of another product":
        files = support.bundle_files("ridge")
        directory = support.write_bundle(place.root / "bundles", files, product="rents")
        place.attest(directory.name)
        return directory, "S130"
    if kind == "set there by nobody":
        return place.ridge, "S135"
    made = {
        "hangs while loading": HANG,
        "crashes while loading": CRASH,
        "unsigned": "\n# unsigned\n",
    }
    text = made.get(kind, "\n# signed by another key\n")
    directory = packed(support, place, text)
    if kind == "signed by another key":
        place.attest(directory.name, SigningKey.generate())
    elif kind != "unsigned":
        place.attest(directory.name)
    return directory, "E104" if text.startswith("\n#") else "S134"


KINDS = [
    "a flipped bit",
    "unsigned",
    "signed by another key",
    "golden answers differ",
    "of another product",
    "set there by nobody",
]


@pytest.fixture(scope="module")
def steady(support, place, tmp_path_factory):
    """One worker that nothing has yet been done to."""
    log = tmp_path_factory.mktemp("steady") / "log"
    place.point(place.boosting.name)
    with start(place.live_plan(log)) as service:
        yield service


@pytest.mark.parametrize("kind", [*KINDS, "crashes while loading"])
def test_a_broken_challenger_never_gets_traffic(steady, support, place, kind):
    generation = place.point(place.boosting.name)
    directory, code = broken(kind, support, place)
    if kind == "golden answers differ":
        place.attest(directory.name)
    load = Load(steady.url, support, threads=1)
    place.try_out(directory.name, 9_000, signed=kind != "set there by nobody")
    wait_for(lambda: (status(steady)["problem"] or "").startswith(code))
    begun = len(load.answers)
    wait_for(lambda: len(load.answers) > begun + 30)
    load.stop()
    assert load.failures == []
    assert {a["digest"] for _, a in load.answers} == {place.boosting.name}
    assert status(steady)["rollout"] is None
    after = place.point(place.boosting.name)
    assert after > generation


def trial_of(pid, directory):
    """The process of a worker that tries that release; None where there is none."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            told = (process / "cmdline").read_bytes().split(b"\0")
            if parent == pid and b"--try" in told and os.fsencode(directory) in told:
                return int(process.name)
    return None


def test_a_challenger_that_hangs_while_loading_does_not_keep_a_rollback_waiting(
    steady, support, place
):
    place.point(place.boosting.name)
    directory, _ = broken("hangs while loading", support, place)
    load = Load(steady.url, support, threads=1)
    place.try_out(directory.name, 9_000)
    wait_for(lambda: trial_of(steady.pid, directory))  # it hangs, or will
    begun = time.monotonic()
    generation = place.point(place.ridge.name)
    wait_for(lambda: trial_of(steady.pid, directory) is None)
    assert time.monotonic() - begun < TRIAL_SECONDS / 2, "it was ended, and not waited for"
    everywhere(steady, generation, 0)
    load.stop()
    assert load.failures == []
    assert {a["digest"] for _, a in load.answers} <= {place.boosting.name, place.ridge.name}


def test_a_worker_that_starts_beside_a_broken_challenger_answers_in_its_place(
    support, place, tmp_path
):
    place.point(place.boosting.name)
    directory, _ = broken("a flipped bit", support, place)
    place.try_out(directory.name, 5_000)
    with start(place.live_plan(tmp_path / "log")) as service:
        load = Load(service.url, support, threads=1)
        wait_for(lambda: len(load.answers) > 100)
        load.stop()
        assert status(service)["rollout"]["loaded"] is False
        assert counted(service, "interlock_rollout_stand_ins_total") > 0
    assert load.failures == []
    for record in records(tmp_path / "log"):
        year = json.loads(record.request)["year_built"]
        assert (record.assigned, record.arm) == (assigned(year, 5_000), CHAMPION)
        assert record.instead == ("S127" if record.assigned == CHALLENGER else "")


def test_a_broken_challenger_does_not_keep_a_champion_from_taking_over(support, place, tmp_path):
    place.point(place.boosting.name)
    directory, code = broken("a flipped bit", support, place)
    with start(place.live_plan(tmp_path / "log", workers=2)) as service:
        generation = place.point(place.ridge.name)
        place.try_out(directory.name, 5_000)
        everywhere(service, generation, 0)
        wait_for(lambda: code in (status(service)["problem"] or ""))
        assert status(service)["digest"] == place.ridge.name


def test_a_killed_worker_comes_back_into_the_rollout(support, place, tmp_path):
    generation = place.point(place.boosting.name)
    with start(place.live_plan(tmp_path / "log", workers=2)) as service:
        revision = place.try_out(place.ridge.name, 4_000)
        everywhere(service, generation, revision)
        before = workers_of(service.pid)
        os.kill(before["w0"], 9)
        wait_for(lambda: workers_of(service.pid).get("w0") not in (None, before["w0"]))
        load = Load(service.url, support)
        everywhere(service, generation, revision)
        load.stop()
    for record in records(tmp_path / "log"):
        year = json.loads(record.request)["year_built"]
        assert record.assigned == assigned(year, 4_000)


def children_of(pid):
    """The model processes of a worker."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            found += [int(process.name)] if int(parent) == pid and has_a_model(process) else []
    return found


def has_a_model(process):
    """Whether that process, by its folder, is one and has not ended."""
    with contextlib.suppress(OSError):
        return b"interlock.serve.loaded.isolate" in (process / "cmdline").read_bytes()
    return False


def without_memory(pid):
    """As where its model has eaten all that the process may have."""
    resource.prlimit(pid, resource.RLIMIT_AS, (1 << 20, 1 << 20))


LONG = 90  # seconds: on a busy machine a model's process takes its time to begin
HARMS = {
    "killed": lambda pid: os.kill(pid, signal.SIGKILL),
    "hanging": lambda pid: os.kill(pid, signal.SIGSTOP),
    "without memory": without_memory,
}


def test_a_native_challenger_may_die_hang_and_eat_memory_and_comes_back(support, place, tmp_path):
    native = support.write_bundle(place.root / "bundles", support.bundle_files("native"))
    place.attest(native.name)
    generation = place.point(place.boosting.name)
    patient = place.live_plan(tmp_path / "log", challenger_seconds=LONG)
    with start(patient) as service:
        revision = place.try_out(native.name, 5_000)
        everywhere(service, generation, revision, LONG)
        load = Load(service.url, support)

        def challenged(more):
            """Wait until the challenger has given so many answers more."""
            end = len(load.answers)
            wait_for(lambda: arms(load.answers[end:])[CHALLENGER] >= more, seconds=LONG)

        for harm in HARMS.values():
            challenged(30)
            (child,) = wait_for(lambda: children_of(service.pid))
            harm(child)
            wait_for(lambda child=child: not has_a_model(Path(f"/proc/{child}")), seconds=LONG)
        challenged(30)
        load.stop()
        told = status(service)["rollout"]
        assert (told["loaded"], told["set_aside"]) == (True, None)
        assert 3 <= told["failed"] < 6, "one each, and at most a late one on a busy machine"
        assert told["asked"] > 120
        assert counted(service, "interlock_rollout_stand_ins_total") >= 3
    assert load.failures == []
    for record in records(tmp_path / "log"):
        year = json.loads(record.request)["year_built"]
        assert (record.status, record.assigned) == (200, assigned(year, 5_000))
        stood_in = record.assigned != record.arm
        assert record.instead == ("S141" if stood_in else "")


def arms(answers):
    return Counter(answer["arm"] for _, answer in answers)


def test_a_challenger_that_fails_too_often_is_set_aside(support, place, tmp_path):
    """It answers as it should about the golden rows, which are all of 1990, and about no others."""
    directory = packed(support, place, ONLY_1990)
    place.attest(directory.name)
    generation = place.point(place.boosting.name)
    with start(place.live_plan(tmp_path / "log")) as service:
        place.try_out(directory.name, 5_000)
        load = Load(service.url, support, threads=1)
        wait_for(lambda: (status(service)["rollout"] or {}).get("set_aside"))
        begun = len(load.answers)
        wait_for(lambda: len(load.answers) > begun + 50)
        told = status(service)["rollout"]
        assert told["set_aside"] == f"{told['failed']} of {told['asked']} answers failed " + (
            f"({told['failed']} × S121)"
        )
        assert arms(load.answers[begun:]) == {CHAMPION: len(load.answers[begun:])}
        text = plain_http.get(service.url + "/metrics").text
        assert 'code="S163"' in text
        wait_for(lambda: [e for e in left(tmp_path / "log").values() if e.set_aside])
        (said,) = left(tmp_path / "log").values()
        assert (said.act.generation, said.act.revision, said.act.digest, said.set_aside) == (
            generation, place.revision, directory.name, told["set_aside"],
        )  # fmt: skip
        revision = place.try_out(directory.name, 6_000, "grow")  # somebody wants it tried again
        everywhere(service, generation, revision)
        wait_for(lambda: status(service)["rollout"]["set_aside"])
        load.stop()
    assert load.failures == []
    instead = [r.instead for r in records(tmp_path / "log") if r.assigned == CHALLENGER]
    assert {*instead} <= {"", "S121", "S163"}
    assert instead.count("S121") < 20


def test_two_workers_with_too_little_each_set_a_challenger_aside_together(support, place, tmp_path):
    """Three failures that one saw before it was killed, and two of the other: five are enough."""
    directory = packed(support, place, ONLY_1990)
    place.attest(directory.name)
    log, buckets = tmp_path / "log", 5_000
    years = {
        arm: [y for y in YEARS if assigned(y, buckets) == arm] for arm in (CHAMPION, CHALLENGER)
    }
    failing = [year for year in years[CHALLENGER] if year != 1990]
    generation = place.point(place.boosting.name)

    def known(judge):
        found = left_by(log, judge)
        return 0 if found is None else found.counts.failed

    def fail_at(service, worker, times):
        """Ask as often what fails there; the other worker is asked nothing that it would count."""
        while True:
            with plain_http.Client(base_url=service.url, headers=JSON) as client:
                if client.get("/metrics").text.split('worker="')[1][:2] == worker:  # its own first
                    for _ in range(times):
                        assert ask(client, support, failing[0])["arm"] == CHAMPION
                    return

    with start(place.live_plan(log, workers=2)) as service:
        revision = place.try_out(directory.name, buckets)
        everywhere(service, generation, revision, LONG)
        fail_at(service, "w0", 3)
        wait_for(lambda: known("w0") == known(POOL) == 3)
        killed = workers_of(service.pid)["w0"]
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: workers_of(service.pid).get("w0") not in (None, killed), seconds=LONG)
        everywhere(service, generation, revision, LONG)
        load = Load(service.url, support, years=years[CHAMPION])
        assert left_by(log, POOL).set_aside == ""
        fail_at(service, "w1", 2)
        why = "of all workers, 5 of 5 answers failed (5 × S121)"
        wait_for(lambda: left_by(log, POOL).set_aside == why)
        wait_for(lambda: [status(service)["rollout"]["set_aside"] for _ in range(8)] == [why] * 8)
        for name, n in (("w0", 3), ("w1", 2)):
            os.kill(workers_of(service.pid)[name], 0)
            assert known(name) == n, "neither had enough by itself, and neither is asked again"
        with plain_http.Client(base_url=service.url, headers=JSON) as client:
            assert {ask(client, support, year)["arm"] for year in failing[:20]} == {CHAMPION}
        told = status(service)["rollout"]["all_workers"]
        begun = len(load.answers)
        wait_for(lambda: len(load.answers) > begun + 50)
        load.stop()
    assert (load.failures, told) == ([], {"asked": 5, "failed": 5})
    counted = Counter(r.instead for r in records(log) if r.assigned == CHALLENGER)
    assert counted.pop("S121") == 5
    assert counted.pop("S163", 0) + counted.pop("S127", 0) == 20, "a new worker may not have it yet"
    assert counted == {}


def test_a_challenger_that_loops_for_ever_costs_one_answer_and_is_asked_no_more(
    support, place, tmp_path
):
    """Its worker cannot stop it, nor serve anybody else: it is ended, and another is started."""
    directory = packed(support, place, LOOPS_BUT_1990)
    place.attest(directory.name)
    log, buckets = tmp_path / "log", 5_000
    year = next(y for y in YEARS if assigned(y, buckets) == CHALLENGER and y != 1990)
    generation = place.point(place.boosting.name)
    plan = place.live_plan(log, workers=2, limits=Limits(stuck_seconds=6))
    with start(plan) as service:
        revision = place.try_out(directory.name, buckets)
        everywhere(service, generation, revision, LONG)
        before = workers_of(service.pid)
        with plain_http.Client(base_url=service.url, headers=JSON) as client:
            with pytest.raises(httpx.TransportError):
                ask(client, support, year)
            hung = "it hung: no answer within 3 s"
            (stuck,) = [name for name, e in left(log).items() if e.set_aside == hung]
            assert left_by(log, POOL).set_aside == f"{stuck}: {hung}"
            wait_for(lambda: ask(client, support, year))  # not of whom the stuck one takes along
            for _ in range(20):
                assert ask(client, support, year)["arm"] == CHAMPION
        wait_for(lambda: workers_of(service.pid).get(stuck) not in (None, before[stuck]))
        wait_for(lambda: all(told(status(service)) for _ in range(8)), seconds=LONG)
        with plain_http.Client(base_url=service.url, headers=JSON) as client:
            for _ in range(8):
                assert ask(client, support, year)["arm"] == CHAMPION
        assert {**before, stuck: 0} == {**workers_of(service.pid), stuck: 0}
    said = service.said()
    assert f"{stuck} attended to nothing for 6 s and ended with status -6; starts in" in said
    assert re.search(r"Fatal Python error: Aborted(?s:.)* in age\n", said), "where it hung"


def told(found):
    """Whether this worker has heard that the challenger hung."""
    return (found["rollout"]["set_aside"] or "").endswith("it hung: no answer within 3 s")


LOOPS_BUT_1990 = """
def age(valued_on: date, year_built: int) -> int:
    while year_built != 1990:
        pass
    return valued_on.year - year_built
"""

ONLY_1990 = """
def age(valued_on: date, year_built: int) -> int:
    if year_built != 1990:
        raise ValueError("unknown")
    return valued_on.year - year_built
"""
