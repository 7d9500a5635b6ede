"""Prod looks up on a real Redis server, which is stopped, emptied and filled again under load."""

import http.client
import json
import signal
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from redis_server import RedisServer

HOUSE = {
    "year_built": 1950, "living_area_sqft": 1_400, "lot_sqft": 6_000, "exterior_wall": "wood",
    "full_baths": 1, "easting_m": 503_922.0, "northing_m": 211_769.0, "garage_sqft": 320,
}  # fmt: skip
MARKET = "sales_by_neighbourhood"
SECRET = "correct horse battery staple"
SETTINGS = """
[tool.interlock.online]
url = "{url}"
password_env = "HOUSES_REDIS_PASSWORD"
unavailable = "{unavailable}"
timeout_ms = 500
keep = 2
"""


@pytest.fixture
def server(tmp_path):
    with RedisServer(tmp_path / "redis", password=SECRET) as server:
        yield server


@pytest.fixture
def configure(pristine, tmp_path, server):
    """A project that delivered to prod, with its online store on the server."""

    def make(unavailable="refuse"):
        project = pristine.copy(tmp_path / "houses")
        text = SETTINGS.format(url=server.url, unavailable=unavailable)
        project.settle(text)
        return project

    return make


def refresh(project, password=SECRET, **options):
    return project.run("refresh", "--json", HOUSES_REDIS_PASSWORD=password, **options)


def tables(server):
    names = server.client().keys("{interlock:prod:houses}:*")
    return sorted(n for n in names if n.rpartition(b":")[2].lstrip(b"-").isdigit())


def test_a_refresh_that_is_killed_is_not_seen_and_the_next_one_does_it(configure, server):
    project = configure()
    for seconds in (0.05, 0.2, 0.5, 0.8):
        ran = refresh(project, kill_after=seconds)
        if ran.code == 0:
            break
        assert ran.code == -signal.SIGKILL
        current = server.client().keys("*:current")
        assert len(current) == len(tables(server)) or current == []
    first = refresh(project)
    assert first.code == 0, first.err
    assert len(tables(server)) == 1
    again = refresh(project)
    assert (again.code, again.json["written"]) == (0, {})
    assert again.json["grids"] == first.json["grids"]
    server.client().unlink(*tables(server))
    lost = refresh(project)
    assert (lost.code, list(lost.json["written"])) == (0, [MARKET])


def test_what_a_refresh_is_refused_leaves_what_is_there(configure, server):
    project = configure()
    assert refresh(project).code == 0
    before = server.client().hgetall(tables(server)[0])
    wrong = refresh(project, password="wrong-password")
    assert wrong.code == 1
    assert "error[F120]: the online store is unavailable" in wrong.err + wrong.out
    assert "wrong-password" not in wrong.err + wrong.out
    none = project.run("refresh", "--json")
    assert none.code == 2
    assert "L134" in none.out + none.err
    server.client().config_set("maxmemory-policy", "allkeys-lfu")
    server.client().unlink(*tables(server))
    evicting = refresh(project)
    assert evicting.code == 2
    assert "L131" in evicting.out + evicting.err
    assert tables(server) == []
    server.client().config_set("maxmemory-policy", "noeviction")
    assert refresh(project).code == 0
    assert server.client().hgetall(tables(server)[0]) == before
    for path in project.state.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


class Client:
    """Asks without pause, and counts what came back."""

    def __init__(self, url):
        self.url, self.seen, self.stopping = urlsplit(url), Counter(), threading.Event()
        self.slowest = 0.0
        self.thread = threading.Thread(target=self.ask)

    def ask(self):
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=60)
        body = json.dumps({"valued_on": datetime.now(UTC).date().isoformat(), **HOUSE})
        while not self.stopping.is_set():
            begun = time.monotonic()
            connection.request("POST", "/v1/predict", body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            answer = json.loads(reply.read())
            said = answer["error"]["code"] if "error" in answer else answer.get("degraded", False)
            self.slowest = max(self.slowest, time.monotonic() - begun)
            self.seen[reply.status, said] += 1
            time.sleep(0.002)

    def wait_for(self, what, seconds):
        before, end = self.seen[what], time.monotonic() + seconds
        while self.seen[what] < before + 20:
            assert time.monotonic() < end, f"no {what} within {seconds} s: {self.seen}"
            assert self.thread.is_alive()
            time.sleep(0.01)


@pytest.mark.parametrize(
    ("unavailable", "during"),
    [
        ("refuse", (503, "S122")),
        pytest.param("defaults", (200, True), marks=pytest.mark.slow),
    ],
)
def test_a_server_stopped_emptied_and_started_under_load(configure, server, unavailable, during):
    project = configure(unavailable)
    service = project.spawn("serve", "--port", "0", "--json", HOUSES_REDIS_PASSWORD=SECRET)
    try:
        url = json.loads(service.stdout.readline())["url"]
        client = Client(url)
        client.thread.start()
        client.wait_for((200, False), 60)
        status = json.loads(urlopen(f"{url}/v1/status").read())["history"]
        assert status["histories"][MARKET]["behind"] == 0
        assert 0 <= status["histories"][MARKET]["age_seconds"] < 2 * 86_400
        server.stop()
        client.wait_for(during, 60)
        status = json.loads(urlopen(f"{url}/v1/status").read())["history"]
        assert status["problem"]
        counted = status["refused" if unavailable == "refuse" else "degraded"]
        assert 0 < counted <= client.seen[during] + 1
        server.start()  # and it is empty: missing tables are not missing entities
        client.wait_for((200, False), 60)
        client.stopping.set()
        client.thread.join(60)
        assert set(client.seen) == {(200, False), during}
        assert client.slowest < 5
    finally:
        service.terminate()
        assert service.wait(60) == 0, service.stderr.read()


@pytest.mark.slow
def test_a_service_begins_without_its_store_and_says_so(configure, server):
    project = configure()
    server.stop()
    service = project.spawn("serve", "--port", "0", "--json", HOUSES_REDIS_PASSWORD=SECRET)
    try:
        client = Client(json.loads(service.stdout.readline())["url"])
        client.thread.start()
        client.wait_for((503, "S122"), 60)
        server.start()
        client.wait_for((200, False), 60)
        client.stopping.set()
        client.thread.join(60)
    finally:
        service.terminate()
        _, said = service.communicate(timeout=60)
    assert service.returncode == 0
    assert "error[F120]: the online store is unavailable" in said


@pytest.mark.slow
def test_two_refreshes_at_once_do_no_harm(configure, server):
    project = configure()
    environ = {"HOUSES_REDIS_PASSWORD": SECRET}
    both = [project.spawn("refresh", "--json", **environ) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert list(json.loads(out)["grids"]) == [MARKET]
    assert len(tables(server)) == 1
    assert [n for n in server.client().keys("*") if b":partial:" in n] == []


def test_the_full_form_breaks_the_server_on_purpose_and_leaves_nothing_on_it(configure, server):
    """A second delivery, with other data, of a project whose history features are on a server."""
    project = configure("defaults")
    ran = project.deliver(
        *("--as-of", "1994-06-30", "--to", "staging", "--full"),
        kill_after=280, HOUSES_REDIS_PASSWORD=SECRET,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    gate = next(gate for gate in ran.json["gates"] if gate["gate"] == "service")
    checks = {check["name"]: check for check in gate["checks"]}
    for fault in ("stopped", "slow", "wrong"):
        check = checks[f"online store {fault}"]
        assert (check["verdict"], check["evidence"]["wrong"]) == ("passed", [])
        assert check["evidence"]["degraded"] > 0
    assert server.client().keys("*gate*") == []
