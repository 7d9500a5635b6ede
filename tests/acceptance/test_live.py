"""The service in prod while releases change under it: no request fails, none is lost."""

import http.client
import json
import threading
import time
import urllib.request
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from service_runs import wait_for

from interlock.serve.log.read import read_log
from interlock.serve.log.record import read_record

HOUSE = {
    "year_built": 1950, "living_area_sqft": 1_400, "lot_sqft": 6_000, "exterior_wall": "wood",
    "full_baths": 1, "easting_m": 503_922.0, "northing_m": 211_769.0, "garage_sqft": 320,
}  # fmt: skip


PAUSE = 0.005  # seconds between two requests: a delivery needs the processor, too


class Clients:
    """Threads that ask again and again, each over one connection, and keep every answer."""

    def __init__(self, url, n):
        self.url, self.answers, self.failures = urlsplit(url), [], []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.ask, args=(i,)) for i in range(n)]

    def ask(self, number):
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=60)
        day = datetime.now(UTC).date().isoformat()
        while not self.stopping.is_set():
            body = json.dumps({"valued_on": day, **HOUSE, "living_area_sqft": 1_000 + number})
            try:
                connection.request("POST", "/v1/predict", body,
                                   {"Content-Type": "application/json"})  # fmt: skip
                reply = connection.getresponse()
                answer = json.loads(reply.read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.failures.append(repr(error))
                return
            if reply.status == 200:
                self.answers.append((time.monotonic(), answer))
            else:
                self.failures.append(answer)
            time.sleep(PAUSE)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def wait_for(self, digest, seconds):
        """The moment of the first answer that release gave."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for moment, answer in reversed(self.answers[-50:]):
                if answer["digest"] == digest:
                    return next(m for m, a in self.answers if a["digest"] == digest and m <= moment)
            time.sleep(0.01)
        pytest.fail(f"{digest[:12]} did not answer within {seconds} s")


def test_promotion_and_rollback_under_load(continued, days):
    one = continued.live()
    service = continued.spawn("serve", "--port", "0", "--json")
    try:
        ready = json.loads(service.stdout.readline())
        assert (ready["label"], ready["replay"]) == ("1.0.0", False)
        with Clients(ready["url"], 3) as clients:
            clients.wait_for(one, 60)
            ran = continued.deliver("--as-of", days[1])
            assert ran.code == 0, ran.err
            two = ran.json["digest"]
            clients.wait_for(two, 60)
            before = wait_for(lambda: len(clients.answers) > 100 and len(clients.answers))
            back = continued.run("rollback", "--reason", "to see")
            assert back.code == 0, back.err
            wait_for(lambda: clients.answers[-1][1]["digest"] == one)
        assert clients.failures == []
        digests = [answer["digest"] for _, answer in clients.answers]
        assert set(digests) == {one, two}
        assert len(digests) > before > 100
        labels = {(a["digest"], a["release"]) for _, a in clients.answers}
        assert labels == {(one, "1.0.0"), (two, "1.0.1")}
        values = {(a["digest"], a["prediction"]) for _, a in clients.answers}
        assert len(values) <= 6, "each of three houses has one price a release"
    finally:
        service.terminate()
        assert service.wait(60) == 0, service.stderr.read()

    log = continued.state / "environments" / "prod" / "houses" / "log"
    records = [read_record(entry.payload) for entry in read_log(log)]
    logged = {record.id: record for record in records}
    assert len(logged) == len(records)
    answered = {answer["id"]: answer for _, answer in clients.answers}
    assert set(answered) == set(logged), "every answer is in the log, once"

    refused = continued.deliver("--as-of", days[1])
    assert refused.code == 3, "a rollback pins prod"
    assert "error[E103]: prod is pinned to 1.0.0" in refused.err
    assert continued.live() == one
    forced = continued.deliver("--as-of", days[1], "--unpin")
    assert forced.code == 0, forced.err
    assert continued.live() == two


def test_killed_hard_the_service_leaves_nothing_behind(delivered):
    service = delivered.spawn("serve", "--port", "0", "--json")
    url = json.loads(service.stdout.readline())["url"]
    service.kill()
    service.wait(60)
    end = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{url}/health/live", timeout=2).close()
        except OSError:
            break
        assert time.monotonic() < end, "the worker outlives the command that started it"
        time.sleep(0.05)
