"""interlock symmetry on what a real service answered: sound, and with each fault planted."""

import http.client
import json
import random
import re
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec import structs

from interlock.clock import HOUR, SECOND, now
from interlock.serve.workers.process import start
from interlock.store.sqlite_file import seal

SHOPS, DAYS, ASKED = 40, 60, 60  # one visit a shop and day
KNOWN = 5  # shops that are asked about, beside one that was never seen
PRODUCT = """
from datetime import datetime

from sklearn.linear_model import Ridge

import interlock as il


class Visit(il.Request):
    asked_at: datetime = il.asked_at()
    shop: int = il.field(ge=1)
    size: float = il.field(gt=0, unit="m²")


visits = il.Source(
    "data/sales.parquet", key="id", event_time="asked_at", available_after="10m",
    columns={"amount": il.Float(ge=0, unit="EUR")},
)


@il.feature
def half(size: float) -> float:
    return size / 2


lately = il.History(
    visits, by="shop", refresh="1h",
    n=il.count("30d"), usual=il.mean("amount", "30d"), most=il.max("amount", "30d"),
)

product = il.Product(
    "visits",
    request=Visit,
    examples=visits.map(),
    target=il.Regression("amount", available_after="10m", unit="EUR"),
    features=[half, lately],
    unit="shop",
    candidates={"mean": il.Baseline(il.Mean()), "ridge": il.Candidate(Ridge())},
    split=il.TimeSplit(tune="5d", calibrate="5d", test="20d"),
    metric="mae",
    data_gate=[il.MinRows(500), il.NoLeakage(allow=["half", "size"])],
    model_gate=[il.Below("mae", 100)],
    service_gate=[il.P99Below("10s")],
)
"""
SOUND = "✔ no defect on the rows compared"
FAILED = "✖ failed: what was answered is not what training would compute"
HISTORY = "the source's rows give another value: a row was changed, or the store overwritten"


def rows():
    """60 days of visits, the last of them a moment ago."""
    end, chance = datetime.now(UTC).replace(microsecond=0), random.Random(7)
    n = SHOPS * DAYS
    sizes = [round(chance.uniform(10, 90), 1) for _ in range(n)]
    step = timedelta(days=DAYS) / n
    moments = [end - step * (n - 1 - i) for i in range(n)]
    return pa.table(
        {
            "id": list(range(n)),
            "asked_at": pa.array(moments, pa.timestamp("us", "UTC")),
            "shop": [1 + i % SHOPS for i in range(n)],
            "size": sizes,
            "amount": [round(3 * s + chance.gauss(0, 5) + 60, 2) for s in sizes],
        }
    )


@pytest.fixture(scope="module")
def sound(make_project, tmp_path_factory):
    """A project that delivered to prod a moment ago; for copying."""
    project = make_project(
        tmp_path_factory.mktemp("symmetry") / "visits", product=PRODUCT, data=rows()
    )
    ran = project.deliver()
    assert ran.code == 0, ran.err
    return project


@pytest.fixture
def project(sound, tmp_path):
    return sound.copy(tmp_path / "visits")


def acting(project):
    """The workspace's deployer, prod, and what is live there."""
    workspace = project.workspace()
    deployer = workspace.deployer(workspace.bound(None), now())
    bundle = deployer.live.bundle(project.live(product="visits"))
    return deployer, workspace.environment("prod"), bundle


def refresh(project, *, ago=0):
    """Fill prod's store as a refresh some time ago did."""
    deployer, prod, bundle = acting(project)
    deployer.refreshing.fill(prod.name, bundle, instants=(now() - ago,))


def ask(project, n=ASKED, **changes):
    """Answers of a real service, at the present moment."""
    deployer, prod, _ = acting(project)
    plan = structs.replace(deployer.plan(prod), **changes)
    with start(plan) as service:
        address = urlsplit(service.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        for i in range(n):
            moment = datetime.now(UTC).isoformat()
            body = {
                "asked_at": moment,
                "shop": (*range(1, KNOWN + 1), 99)[i % 6],
                "size": 20.0 + i / 7,
            }
            connection.request(
                "POST", "/v1/predict", json.dumps(body), {"Content-Type": "application/json"}
            )
            reply = connection.getresponse()
            answer = json.loads(reply.read())
            assert reply.status == 200, answer
        connection.close()


def within_the_hour(seconds=120):
    """Wait until the hour's end is further away, so that no answer stands on two grid points."""
    left = HOUR - now() % HOUR
    if left < seconds * SECOND:
        time.sleep(left / SECOND + 0.1)


@pytest.fixture
def answered(project):
    """A project whose service answered from the present grid point."""
    within_the_hour()
    refresh(project)
    ask(project)
    return project


def symmetry(project, *arguments):
    ran = project.run("symmetry", "--share", "1", *arguments)
    assert ran.err == ""
    return ran.code, ran.out.splitlines()


def test_an_empty_log_proves_nothing_and_says_so(project):
    assert symmetry(project) == (
        0,
        [
            "visits in prod · 0 answers in the log, 0 compared, 0 values",
            "? inconclusive: nothing was compared",
        ],
    )


def test_what_a_sound_service_answered_has_no_defect(answered):
    head = "visits in prod · 60 answers in the log, 60 compared, 240 values"
    assert symmetry(answered) == (0, [head, SOUND])
    found = answered.run("symmetry", "--share", "0.5", "--json")
    assert found.code == 0
    assert 0 < found.json["findings"]["rows"] < 60, "some shops, not some answers"
    assert found.json["findings"]["rows"] % 10 == 0
    assert found.json["findings"]["defects"] == []
    assert answered.events()[-1] == "symmetry.checked"


def test_a_changed_source_row_is_a_defect_until_it_is_restored(answered):
    path = answered.folder / "data" / "sales.parquet"
    before = path.read_bytes()
    table = pq.read_table(path)
    amounts = table["amount"].to_pylist()
    changed = table.num_rows - 15 * SHOPS  # of two weeks ago, so that it counted for its shop
    assert table["shop"][changed].as_py() == 1
    amounts[changed] += 10_000
    place = table.column_names.index("amount")
    pq.write_table(table.set_column(place, "amount", pa.array(amounts)), path)
    code, lines = symmetry(answered)
    assert code == 7
    assert lines[1] == f"✖ defect: 20 values: {HISTORY}"
    assert lines[2].startswith("    for example usual: logged ")
    assert lines[3:] == [FAILED]
    said = answered.run("symmetry", "--share", "1", "--json").json
    assert said["exit_code"] == 7
    found = said["findings"]["defects"]
    assert {d["feature"] for d in found} == {"usual", "most"}
    path.write_bytes(before)
    assert symmetry(answered)[0] == 0


def test_a_function_edited_after_the_release_is_a_defect_until_it_is_restored(answered):
    answered.change("size / 2", "size / 2 + 1")
    code, lines = symmetry(answered)
    assert code == 7
    assert lines[1] == "✖ defect: 60 values: the project's function was edited after the release"
    assert re.fullmatch(
        r"    for example half: logged 10\.0, recomputed 11\.0 \(\w{32}\)", lines[2]
    ), lines[2]
    assert lines[3:] == [FAILED]
    answered.change("size / 2 + 1", "size / 2")
    assert symmetry(answered)[0] == 0


@pytest.mark.slow
def test_the_functions_of_a_release_that_was_replaced_are_its_own(answered):
    answered.change("size / 2", "size / 2 + 1")
    delivered = answered.deliver()
    assert delivered.code == 0, delivered.err
    assert symmetry(answered)[0] == 0


def test_an_overwritten_online_value_is_a_defect(project):
    within_the_hour()
    refresh(project)
    (path,) = (
        p
        for p in (project.state / "environments" / "prod").rglob("*.sqlite")
        if p.stem == (p.parent / "current").read_text()
    )
    with closing(sqlite3.connect(path)) as store, store:
        assert store.execute("UPDATE entries SET v0 = v0 + 1 WHERE k0 = 2").rowcount == 1
    with pytest.raises(AssertionError, match="S122"):
        ask(project, 1)  # overwritten behind the store's back: damaged, and not answered from
    seal(path)  # overwritten by what writes as the store does: another value
    ask(project)
    code, lines = symmetry(project)
    assert code == 7
    assert lines[1] == f"✖ defect: 10 values: {HISTORY}"
    assert re.fullmatch(r"    for example n: logged \d+, recomputed \d+ \(\w{32}\)", lines[2])
    assert lines[3:] == [FAILED]


def test_a_skipped_refresh_is_staleness_and_no_defect(project):
    within_the_hour()
    refresh(project, ago=3 * HOUR)
    ask(project)
    code, lines = symmetry(project)
    assert code == 0
    assert re.fullmatch(
        r"! staleness: 60 look-ups behind their grid point, at most by 3 h; "
        r"\d+ would have given other values",
        lines[1],
    ), lines
    assert lines[2:] == [SOUND]


def test_degraded_answers_are_left_out_and_counted(answered, tmp_path):
    ask(answered, 12, online=str(tmp_path / "nothing"), history_unavailable="defaults")
    code, lines = symmetry(answered)
    assert (code, lines) == (
        0,
        [
            "visits in prod · 72 answers in the log, 60 compared, 240 values",
            "  left out: 12 degraded: answered with declared defaults",
            SOUND,
        ],
    )


def test_the_catalogue_shows_what_the_champion_leans_on_and_how_fresh_it_is(answered):
    ran = answered.run("features", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["champion"] == "1.0.0"
    rows = {row["name"]: row for row in ran.json["features"]}
    assert list(rows) == ["asked_at", "shop", "size", "half", "n", "usual", "most"]
    assert rows["size"]["importance"] + rows["half"]["importance"] > 10, "EUR of the mean error"
    assert abs(rows["n"]["importance"]) < 1
    assert rows["usual"]["missing"] < 0.2
    assert rows["usual"]["source"] == "sales: mean(amount) by shop"
    assert rows["usual"]["as_of"] == rows["most"]["as_of"]
    age = datetime.now(UTC) - datetime.fromisoformat(rows["usual"]["as_of"])
    assert timedelta(0) <= age < timedelta(hours=1, minutes=5)
    assert (rows["asked_at"]["importance"], rows["size"]["as_of"]) == (None, None)
