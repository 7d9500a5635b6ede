"""A service that ships its log by itself goes on answering whatever becomes of who ships."""

import contextlib
import json
import os
import signal
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from service_runs import wait_for

HOUSE = {
    "year_built": 1950, "living_area_sqft": 1_400, "lot_sqft": 6_000, "exterior_wall": "wood",
    "full_baths": 1, "easting_m": 503_922.0, "northing_m": 211_769.0, "garage_sqft": 320,
}  # fmt: skip


def ask(url):
    body = json.dumps({"valued_on": datetime.now(UTC).date().isoformat(), **HOUSE}).encode()
    request = urllib.request.Request(
        f"{url}/v1/predict", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read())["id"]


def shipping(url):
    with urllib.request.urlopen(f"{url}/v1/status", timeout=60) as reply:
        return json.loads(reply.read())["shipping"]


def keeper_of(service):
    """The process that ships, started by that service."""
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == service.pid and b"log_keeper" in (place / "cmdline").read_bytes():
                return int(place.name)
    return None


def test_a_service_ships_its_log_and_answers_while_who_ships_is_killed(delivered):
    settings = '[tool.interlock.log]\nship = "parquet"\nevery = "1s"\nretain = "90d"\n'
    delivered.settle(settings)
    shipped = delivered.state / "environments" / "prod" / "houses" / "log-parquet"
    service = delivered.spawn("serve", "--port", "0", "--json")
    try:
        url = json.loads(service.stdout.readline())["url"]
        ids = [ask(url) for _ in range(20)]
        first = wait_for(lambda: keeper_of(service))
        wait_for(  # of the lower priority
            lambda: list(shipped.glob("predictions/w0-*.parquet")), seconds=200
        )
        assert os.getpriority(os.PRIO_PROCESS, first) == 10
        wait_for(lambda: (shipping(url) or {}).get("shipped_at"))
        os.kill(first, signal.SIGKILL)
        ids += [ask(url) for _ in range(20)]
        wait_for(lambda: keeper_of(service) not in (None, first))
        ids += [ask(url) for _ in range(20)]
        assert shipping(url)["problem"] == ""
    finally:
        service.send_signal(signal.SIGINT)
        service.communicate(timeout=60)
    found = delivered.run("log", "--json", "--limit", "1000").json["rows"]
    assert sorted(row["id"] for row in found) == sorted(ids)
    kinds = delivered.events()
    assert kinds.count("log.retained") == 1
    assert "log.shipped" not in kinds
