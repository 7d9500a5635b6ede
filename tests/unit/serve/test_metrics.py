"""What a scrape shows."""

import json
import os

from interlock.serve.http.access import AccessLog
from interlock.serve.http.exposition import exposition
from interlock.serve.log.shipping_state import Standing
from interlock.serve.metrics import BOUNDS, Metrics
from interlock.serve.replies import Reply
from interlock.serve.rollout.group import Group

NOW = {
    "in_flight": 1,
    "waiting_bytes": 30,
    "explaining_late": True,
    "lines_dropped": 4,
    "log_bytes": 650,
    "log_dropped": 0,
    "log_unsynced": 2,
    "staleness": {"market": 3.5},
    "release": ("1.0.0", "d" * 64, "champion", 4),
}


def counted(worker="w0"):
    metrics = Metrics(worker)
    metrics.answered("/v1/predict", 200, 0.0004, release="1.0.0", arm="champion")
    metrics.answered("/v1/predict", 200, 99.0, release="1.0.0", arm="champion")
    metrics.answered("/v1/predict", 503, 0.0001)
    metrics.shed = 1
    metrics.displaced = 3
    return metrics


def samples(text):
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            assert name not in found
            found[name] = float(value)
    return found


def test_every_sample_has_its_family_and_its_worker():
    text = exposition([counted("w0").snapshot(**NOW), counted("w1").snapshot(**NOW)])
    families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(families) == len(set(families))
    found = samples(text)
    assert found['interlock_requests_total{worker="w0",path="/v1/predict",status="200"}'] == 2
    assert found['interlock_requests_total{worker="w1",path="/v1/predict",status="503"}'] == 1
    assert found['interlock_requests_shed_total{worker="w1"}'] == 1
    assert found['interlock_connections_displaced_total{worker="w0"}'] == 3
    assert found['interlock_requests_in_flight{worker="w0"}'] == 1
    assert found['interlock_request_bytes_waiting{worker="w0"}'] == 30
    assert found['interlock_explaining_late{worker="w0"}'] == 1
    assert found['interlock_lines_dropped_total{worker="w0"}'] == 4
    assert found['interlock_log_bytes_total{worker="w0"}'] == 650
    assert found['interlock_log_unsynced_records{worker="w0"}'] == 2
    assert found['interlock_history_age_seconds{worker="w0",history="market"}'] == 3.5
    digest = "d" * 64
    labels = f'worker="w0",release="1.0.0",digest="{digest}",arm="champion",generation="4"'
    assert found[f"interlock_release_info{{{labels}}}"] == 1


def test_the_histogram_is_cumulative_and_ends_at_infinity():
    found = samples(exposition([counted().snapshot(**NOW)]))
    labels = 'worker="w0",release="1.0.0",arm="champion"'
    name = "interlock_prediction_seconds"
    buckets = [v for k, v in found.items() if k.startswith(f"{name}_bucket")]
    assert len(buckets) == len(BOUNDS) + 1
    assert buckets == sorted(buckets)
    assert found[f'{name}_bucket{{{labels},le="0.00025"}}'] == 0
    assert found[f'{name}_bucket{{{labels},le="0.0005"}}'] == 1
    assert found[f'{name}_bucket{{{labels},le="10"}}'] == 1
    assert found[f'{name}_bucket{{{labels},le="+Inf"}}'] == 2
    assert found[f"{name}_count{{{labels}}}"] == 2
    assert found[f"{name}_sum{{{labels}}}"] == 99.0004


def test_a_label_cannot_end_its_line():
    metrics = Metrics("w0")
    metrics.answered("/v1/predict", 200, 0.1, release='1"\n\\', arm="champion")
    text = exposition([metrics.snapshot(**NOW)])
    assert 'release="1\\"\\n\\\\"' in text


def test_workers_read_what_the_others_left(tmp_path):
    snapshot = counted("w1").snapshot(**NOW)
    Group(tmp_path, "w1").publish(snapshot)
    Group(tmp_path, "w0").publish(counted("w0").snapshot(**NOW))
    (tmp_path / "w2.metrics").write_bytes(b"{")
    (found,) = Group(tmp_path, "w0").published()
    assert exposition([found]) == exposition([snapshot])
    Group(tmp_path, "parent").forget("w1")
    assert Group(tmp_path, "w0").published() == []


def test_an_access_line_says_what_was_asked_and_how_it_went_and_nothing_else():
    reading, writing = os.pipe()
    log = AccessLog(writing, "w0")
    log.write("POST", "/v1/predict", Reply(200, b"secret", [b"secret"], "ab", "1.0.0"), 0.00025)
    log.write("GET", "/docs\n" + "x" * 300, Reply(404, b"", []), 1.0)
    log.close()
    os.close(writing)
    with os.fdopen(reading) as stream:
        first, second = map(json.loads, stream)
    assert first.pop("time").endswith("Z")
    assert first == {
        "method": "POST",
        "path": "/v1/predict",
        "status": 200,
        "us": 250,
        "worker": "w0",
        "id": "ab",
        "release": "1.0.0",
    }
    assert len(second["path"]) == 200


def test_access_lines_that_are_missing_are_told_of_in_their_place():
    reading, writing = os.pipe()
    log = AccessLog(writing, "w0", most=0)
    log.write("GET", "/docs", Reply(200, b"", []), 1.0)
    log.close()
    os.close(writing)
    with os.fdopen(reading) as stream:
        (told,) = map(json.loads, stream)
    assert told.pop("time").endswith("Z")
    assert told == {"worker": "w0", "missing": 1}
    assert log.dropped == 1


def test_shipping_is_of_the_log_and_not_of_a_worker():
    shipping = Standing(unshipped_bytes=700, shipped_at=5_500_000, failures=2, problem="disk")
    found = samples(exposition([counted().snapshot(**NOW)], shipping))
    assert found["interlock_log_unshipped_bytes"] == 700
    assert found["interlock_log_shipped_timestamp_seconds"] == 5.5
    assert found["interlock_log_shipping_failures"] == 2
    never = Standing(unshipped_bytes=0, shipped_at=None, failures=0, problem="")
    text = exposition([counted().snapshot(**NOW)], never)
    assert "\ninterlock_log_shipped_timestamp_seconds " not in text
    assert "interlock_log_unshipped" not in exposition([counted().snapshot(**NOW)])
