"""A release on trial beside the one that is live: by commands, with a service that follows."""

import http.client
import json
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from service_runs import wait_for

from interlock.serve.log.read import read_log
from interlock.serve.log.record import read_record
from interlock.serve.rollout.evidence import Act, Evidence, leave
from interlock.serve.rollout.traffic import Split, arm_of
from interlock.stats.onset import Onset

HOUSE = {
    "year_built": 1950, "living_area_sqft": 1_400, "lot_sqft": 6_000, "exterior_wall": "wood",
    "full_baths": 1, "easting_m": 503_922.0, "northing_m": 211_769.0, "garage_sqft": 320,
}  # fmt: skip
UNITS = 60


@pytest.fixture(scope="session")
def held(trained, prepared, days):
    """Prod runs 1.0.0, and 1.0.1 is proven for it; for copying, never for changing."""

    def make(folder):
        project = trained.copy(folder)
        ran = project.deliver("--as-of", days[1], "--hold")
        assert ran.code == 0, ran.err
        return project

    return prepared("held", make)


@pytest.fixture
def project(held, tmp_path):
    return held.copy(tmp_path / "houses")


def rollout(project, *arguments):
    ran = project.run("rollout", *arguments, "--json")
    assert ran.code == 0, ran.err
    return ran.json


def ask(url, unit, **headers):
    """The answer to the house of that unit."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    day = datetime.now(UTC).date().isoformat()
    body = json.dumps({"valued_on": day, **HOUSE, "easting_m": 503_000.0 + unit})
    connection.request("POST", "/v1/predict", body, {"Content-Type": "application/json"} | headers)
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())


def answers(url, unit):
    """Who answers for the house of that unit, and with which release."""
    answer = ask(url, unit)[1]
    return answer["arm"], answer["release"]


def arms(url):
    found = [ask(url, unit) for unit in range(UNITS)]
    assert {status for status, _ in found} == {200}
    return [answer["arm"] for _, answer in found]


def test_a_held_delivery_proves_a_release_and_leaves_what_is_live(project):
    ran = project.run("status")
    assert "runs 1.0.0" in ran.out
    assert "held: 1.0.1 is proven for prod, which runs 1.0.0" in ran.out


def asked_so_far(project):
    """Of the challenger, as far as the services have told by now."""
    seen = rollout(project, "show")["seen"]
    return 0 if seen is None else seen["counts"]["asked"]


def test_start_grow_stop_promote_with_a_service_that_follows(project):
    started = rollout(project, "start", "1.0.1", "--share", "20%", "--reason", "to see")
    assert (started["rollout"]["buckets"], started["champion"]["label"]) == (2_000, "1.0.0")
    service = project.spawn("serve", "--port", "0", "--json")
    try:
        url = json.loads(service.stdout.readline())["url"]
        wait_for(lambda: "challenger" in arms(url))
        first = arms(url)
        split = Split(started["rollout"]["salt"], 2_000)
        units = [(503_000.0 + unit, HOUSE["northing_m"]) for unit in range(UNITS)]
        assert first == [arm_of(unit, split) for unit in units]
        assert ask(url, 0, **{"Interlock-Arm": "challenger"})[0] == 403, "prod lets nobody choose"

        shrunk = project.run("rollout", "grow", "--share", "10%")
        assert shrunk.code == 2
        assert "more than 20%: a share only grows" in shrunk.err
        assert rollout(project, "grow", "--share", "60%")["rollout"]["revision"] == 2
        wait_for(lambda: arms(url).count("challenger") > first.count("challenger"))
        second = arms(url)
        assert all(
            b == "challenger" for a, b in zip(first, second, strict=True) if a == b != "champion"
        )
        assert all(
            b == "challenger" for a, b in zip(first, second, strict=True) if a == "challenger"
        )
        assert "◐ prod: 1.0.1 on trial with 60% of the traffic" in project.run("status").out
        again = project.run("rollout", "start", "1.0.1", "--shadow")
        assert (again.code, "error[E150]" in again.err) == (2, True)

        (project.folder / "product.py").rename(project.folder / "product.py.broken")
        assert rollout(project, "stop", "--reason", "enough")["running"] is False
        wait_for(lambda: set(arms(url)) == {"champion"})
        (project.folder / "product.py.broken").rename(project.folder / "product.py")

        begun = rollout(project, "start", "1.0.1", "--share", "100%")["rollout"]
        wait_for(lambda: set(arms(url)) == {"challenger"})
        log = project.state / "environments" / "prod" / "houses" / "log"
        wait_for(lambda: asked_so_far(project) >= UNITS)
        assert " answers failed\n" in project.run("rollout", "show").out
        facts = {key: begun[key] for key in ("generation", "revision")}
        found = Evidence(
            act=Act(**facts, digest=begun["bundle"], release="1.0.1"),
            onset=Onset(tolerated=0.01).after(4, 4),
            codes={"S125": 4},
            set_aside="4 of 4 answers failed",
        )
        leave(log, "w1", found)  # as a worker that found it
        wait_for(lambda: set(arms(url)) == {"champion"})
        ended = project.run("rollout", "show")
        assert "the last one, of 1.0.1, was stopped" in ended.err
        assert "set aside: 4 of 4 answers failed" in project.run("history").out

        rollout(project, "start", "1.0.1", "--share", "30%")
        promoted = rollout(project, "promote", "--reason", "it is better")
        assert (promoted["label"], promoted["act"], promoted["generation"]) == (
            "1.0.1",
            "promote",
            2,
        )
        wait_for(lambda: answers(url, 0) == ("champion", "1.0.1"))  # on trial it was 1.0.1 too
        assert set(arms(url)) == {"champion"}
        assert project.run("rollout", "show").code == 2
        back = project.run("rollback")
        assert back.code == 0, back.err
        wait_for(lambda: ask(url, 0)[1]["release"] == "1.0.0")
    finally:
        service.terminate()
        assert service.wait(60) == 0, service.stderr.read()
    assert "error[S163]: the rollout of 1.0.1 was ended" in service.stderr.read()
    log = project.state / "environments" / "prod" / "houses" / "log"
    for record in (read_record(entry.payload) for entry in read_log(log)):
        assert record.assigned == record.arm or record.instead == "S127"
        assert record.label == {"challenger": "1.0.1"}.get(record.arm, record.label)
    verified = project.run("verify")
    assert verified.code == 0, verified.err


def test_a_challenger_in_shadow_is_scored_beside_the_service(project):
    started = project.run("rollout", "start", "1.0.1", "--shadow")
    assert started.code == 0, started.err
    assert "  1.0.0 answers; 1.0.1 answers nobody" in started.out
    service = project.spawn("serve", "--port", "0", "--json")
    try:
        url = json.loads(service.stdout.readline())["url"]
        assert set(arms(url)) == {"champion"}
        wait_for(  # for a process of the lower priority
            lambda: rollout(project, "show")["shadow"]["whole"]["rows"] == UNITS, seconds=200
        )
        found = rollout(project, "show", "--by", "neighbourhood")["shadow"]
        assert (found["waiting"], found["errors"], found["whole"]["failed"]) == (0, {}, 0)
        assert sum(part["rows"] for part in found["parts"]) == UNITS
        assert {(part["column"], part["reason"]) for part in found["parts"]} == {
            ("neighbourhood", "too few")
        }
        text = project.run("rollout", "show").out
        assert "◐ prod: 1.0.1 on trial in shadow" in text
        assert "all rows" in text
        assert rollout(project, "grow", "--share", "100%")["rollout"]["mode"] == "split"
        wait_for(lambda: set(arms(url)) == {"challenger"})
    finally:
        service.terminate()
        assert service.wait(60) == 0, service.stderr.read()


def test_a_rollback_ends_a_rollout_and_a_pinned_environment_takes_none(project):
    rollout(project, "start", "1.0.1", "--share", "100%")
    verified = project.run("verify")
    assert verified.code == 0, verified.err
    rollout(project, "promote")
    back = project.run("rollback", "--reason", "wrong")
    assert back.code == 0, back.err
    ran = project.run("rollout", "start", "1.0.1", "--share", "5%")
    assert (ran.code, "error[E103]" in ran.err) == (3, True)
    ran = project.run("rollout", "start", "1.0.1", "--share", "5%", "--unpin")
    assert (ran.code, "error[E104]" in ran.err) == (0, False), ran.err
    back = project.run("rollback", "--to", "1.0.1")
    assert back.code == 0, back.err
    shown = project.run("rollout", "show")
    assert "the last one, of 1.0.1, ended when 1.0.1 became live" in shown.err


def test_what_cannot_stand_beside_what_is_live(project, days):
    for arguments, code, text in (
        (["start", "1.0.0", "--share", "5%"], 2, "E153"),
        (["start", "7.0.0", "--share", "5%"], 2, "E130"),
        (["start", "1.0.1", "--share", "0%"], 2, "E152"),
        (["start", "1.0.1"], 2, "C164"),
        (["start", "1.0.1", "--share", "5%", "--environment", "staging"], 2, "E153"),
        (["start", "1.0.1", "--share", "5%", "--environment", "dev"], 2, "E131"),
        (["grow", "--share", "5%"], 2, "E151"),
        (["stop"], 2, "E151"),
        (["promote"], 2, "E151"),
    ):
        ran = project.run("rollout", *arguments)
        assert (ran.code, f"error[{text}]" in ran.err) == (code, True), (arguments, ran.err)
