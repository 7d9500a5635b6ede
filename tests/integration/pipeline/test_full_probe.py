"""The full form's probes against real services: a sound one passes, a broken one is found out."""

import importlib.util
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import structs

from interlock.gates.service.faults import DISK_FULL, STORE_STOPPED, WORKER_KILLED
from interlock.pipeline.probes import fault_disk, fault_stage, fault_store, fault_worker
from interlock.pipeline.probes.allotted import Allotted
from interlock.pipeline.probes.client import Client
from interlock.pipeline.probes.cold_start import cold_starts
from interlock.pipeline.probes.fault_disk import disk_full, unlogged
from interlock.pipeline.probes.fault_stage import Known, Sorted, Stage, known_answers
from interlock.pipeline.probes.faults import planned_faults
from interlock.pipeline.probes.fuzz import fuzz
from interlock.pipeline.probes.launching import launching
from interlock.pipeline.probes.processes import children_of, peak_bytes, tree_of
from interlock.serve.workers.process import start
from interlock.store.online import Unavailable
from interlock.store.online_sqlite import SqliteReader, SqliteWriter


def _support():
    path = Path(__file__).parents[2] / "unit" / "serve" / "small_release.py"
    spec = importlib.util.spec_from_file_location("small_release_for_faults", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


small = _support()


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    place = tmp_path_factory.mktemp("bundle")
    bundle = small.write_bundle(place, small.bundle_files())
    return small.plan_for(bundle, log=place / "log", clock=small.CLOCK)


@pytest.fixture(scope="module")
def service(plan):
    with start(plan) as running:
        yield running


@pytest.fixture(scope="module")
def known(service):
    with Client(service.url) as client:
        return known_answers(client, [small.REQUEST, small.REQUEST | {"area": 80.5}, {}])


@pytest.fixture
def launch():
    allotted = Allotted(120)
    yield launching(allotted)
    allotted.close()


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """A busy machine is no service that never recovers."""
    for module in (fault_stage, fault_disk, fault_worker):
        monkeypatch.setattr(module, "RECOVERY_SECONDS", 60.0)


def test_what_is_refused_has_no_known_answer(known):
    assert len(known) == 2
    assert all("prediction" in one.due and "id" not in one.due for one in known)


def test_a_sound_service_meets_the_faults_of_a_release_without_history(
    launch, plan, known, tmp_path
):
    found = planned_faults(launch, plan, tmp_path, known, store=None, seed="a")
    outcomes = {outcome.fault: outcome for outcome in found}
    assert all(o.exempt or (o.wrong, o.problem) == ((), "") for o in found), found
    disk, worker = outcomes[DISK_FULL], outcomes[WORKER_KILLED]
    assert (disk.answered, disk.refused, disk.asked) == (0, 6, 6)
    assert worker.answered > 40
    assert None not in (disk.recovered_seconds, worker.recovered_seconds)


def test_where_a_full_disk_drops_records_each_one_is_counted(launch, plan, known, tmp_path):
    def begin(plan, **options):
        return launch(plan, module="interlock.pipeline.probes.full_disk_child")

    dropping = structs.replace(plan, log_full="drop")
    found = disk_full(Stage(launch=begin, plan=dropping, place=tmp_path, known=known))
    assert (found.wrong, found.problem) == ((), "")
    assert (found.answered, found.refused) == (6, 0)


def test_a_wrong_number_in_trouble_is_found(launch, plan, known, tmp_path, monkeypatch):
    monkeypatch.setattr(fault_stage, "RECOVERY_SECONDS", 3.0)  # it never does
    lie = [Known(request=one.request, due={**one.due, "prediction": 1.0}) for one in known]
    found = {o.fault: o for o in planned_faults(launch, plan, tmp_path, lie, store=None, seed="a")}
    assert "due prediction 1.0, got 200" in found[WORKER_KILLED].wrong[0]
    assert found[DISK_FULL].recovered_seconds is None


def test_a_fault_without_known_answers_or_that_does_not_start_is_a_problem(plan, tmp_path, known):
    def broken(plan, **options):
        raise OSError("no port")

    found = planned_faults(broken, plan, tmp_path, known, store=None, seed="a")
    said = {outcome.fault: outcome.problem for outcome in found if outcome.exempt is None}
    assert said == dict.fromkeys((DISK_FULL, WORKER_KILLED), "it could not be planned: no port")
    (tmp_path / "again").mkdir()
    found = planned_faults(broken, plan, tmp_path / "again", (), store=None, seed="a")
    assert {o.problem for o in found if o.exempt is None} == {"no request has a known answer"}


def test_a_fault_that_makes_no_difference_was_none(launch, plan, known, tmp_path):
    """This release looks nothing up: a store that is moved away is not missed."""
    (tmp_path / "store").mkdir()
    stage = Stage(launch=launch, plan=plan, place=tmp_path / "stage", known=known)
    stage.place.mkdir()
    found = fault_store.folder_stopped(stage, tmp_path / "store")
    assert (found.fault, found.answered) == (STORE_STOPPED, 4)
    assert found.problem == "the fault made no difference: every request was answered as before"


@pytest.mark.parametrize("how", fault_store.DAMAGE)
def test_damage_of_every_kind_is_seen_by_the_store(tmp_path, how):
    """Whatever is done to a file, and wherever: nothing is looked up in it."""
    import random

    rows = [(f"a{k}", 1.5 * k) for k in range(400)]
    SqliteWriter(tmp_path).write(
        "market", 10, key=[("area", "str")], values=[("price", "float")], rows=rows, digest="d"
    )
    file = tmp_path / "market" / "10.sqlite"
    whole, rng = file.read_bytes(), random.Random(0)
    for _ in range(40):
        file.write_bytes(fault_store.DAMAGE[how](whole, rng))
        with pytest.raises(Unavailable):
            SqliteReader(tmp_path).read([("market", 10, ("a7",))])
    file.write_bytes(whole)
    (found,) = SqliteReader(tmp_path).read([("market", 10, ("a7",))])
    assert found.values == (10.5,)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_predictions_that_the_log_lacks_or_has_twice_are_told(tmp_path):
    assert unlogged(["p1"], tmp_path) == ["prediction p1 was answered and is not in the log"]


def test_answers_are_sorted_by_what_the_fault_explains(service, known):
    with Client(service.url) as client:
        found = Sorted(refusals={"S122"})
        assert found.ask_all(client, known)
        bad = Known(request={}, due=known[0].due)
        assert not found.ask(client, bad)
    assert (found.asked, found.answered, len(found.wrong), len(found.ids)) == (3, 2, 1, 2)
    with Client("http://127.0.0.1:9") as gone:
        assert not found.ask(gone, known[0])
        lost = Sorted(refusals=(), may_lose=True)
        lost.ask(gone, known[0])
    assert (len(found.wrong), lost.refused, lost.wrong) == (2, 1, [])


def test_generated_requests_to_a_sound_service(service):
    with Client(service.url) as client:
        found = fuzz(client, [small.REQUEST], seed="a", kept=["valued_on"], each=60)
        assert found.wrong == ()
        assert found.sent > 200
        assert found.fitting > 60
        ended = fuzz(client, [small.REQUEST], seed="a", kept=[], stop=lambda: True)
        assert (ended.sent, ended.fitting) == (0, 0)
    with Client("http://127.0.0.1:9") as gone:
        assert fuzz(gone, [small.REQUEST], seed="a", kept=[]).sent == 0


def test_what_the_description_does_not_allow_is_told(service, monkeypatch):
    asked = Client.ask

    def lying(self, method, path, body=None, headers=None):
        reply = asked(self, method, path, body, headers)
        if path == "/openapi.json":
            changed = reply.body.replace(b'"const":"USD"', b'"const":"EUR"')
            assert changed != reply.body
            return type(reply)(status=200, body=changed, kind=reply.kind)
        return reply

    monkeypatch.setattr(Client, "ask", lying)
    with Client(service.url) as client:
        found = fuzz(client, [small.REQUEST], seed="a", kept=["valued_on"], each=30)
    assert '$.unit: "USD" is not "EUR"' in " ".join(found.wrong) or "fits 0 of 2" in found.wrong[0]


def test_cold_starts_memory_and_the_family_of_a_process(launch, plan, service, tmp_path):
    starts = cold_starts(launch, plan, tmp_path, starts=2)
    assert len(starts) == 2
    assert all(seconds > 0 for seconds in starts)
    assert 20_000_000 < peak_bytes(service.pid) < 1_000_000_000
    assert peak_bytes(service.pid) == peak_bytes(service.pid) > 0
    assert service.pid in children_of(os.getpid())
    assert tree_of(service.pid)[0] == service.pid
    assert peak_bytes(2**22 + 1) == 0


def test_when_the_time_is_over_services_are_killed(plan, tmp_path):
    allotted = Allotted(120)
    running = launching(allotted)(structs.replace(plan, log=str(tmp_path / "log")))
    allotted._expire()
    assert running.process.wait(60) == -9
    running.stop()
    late = launching(allotted)(structs.replace(plan, log=str(tmp_path / "late")))
    assert late.process.wait(60) == -9
    late.stop()
    allotted.close()
