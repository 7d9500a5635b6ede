"""The flights example: two months of it in every run, all 336,776 flights in the slow suite."""

import json
import shutil
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "flights"
CARIBBEAN = "America/Puerto_Rico"  # the four airports that are not listed
SHORTER = [
    ('tune="14d", calibrate="30d", test="30d"', 'tune="5d", calibrate="7d", test="14d"'),
    ("max_iter=200, learning_rate=0.06", "max_iter=40, learning_rate=0.2"),
    ("il.MinRows(10_000)", "il.MinRows(1_000)"),
    ('il.P99Below("20ms")', 'il.P99Below("10s")'),  # a busy machine that runs tests
]
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def two_months(make_project, tmp_path_factory):
    """January and February, with a split that fits them; it delivered once."""
    project = make_project(tmp_path_factory.mktemp("flights") / "flights")
    shutil.copytree(EXAMPLE, project.folder, dirs_exist_ok=True, ignore=ignored)
    for name in ("flights", "weather"):
        path = project.folder / "data" / f"{name}.parquet"
        rows = pq.read_table(path)
        pq.write_table(rows.filter(pc.less_equal(rows["month"], 2)), path)
    for old, new in SHORTER:
        project.change(old, new)
    return project, project.deliver()


@pytest.fixture(scope="module")
def whole_year(make_project, tmp_path_factory):
    """The example as it stands; it delivered once."""
    project = make_project(tmp_path_factory.mktemp("year") / "flights")
    shutil.copytree(EXAMPLE, project.folder, dirs_exist_ok=True, ignore=ignored)
    process = project.spawn("deliver", "--json")
    out, err = process.communicate(timeout=1_000)
    return project, Ended(code=process.returncode, err=err, json=json.loads(out))


@dataclass(frozen=True, kw_only=True)
class Ended:
    code: int
    err: str
    json: dict[str, Any]


def ignored(folder, names):
    return {name for name in names if name in (".interlock", "__pycache__")}


def bundle(project, name):
    """A file of what is live, as JSON."""
    live = project.live(product="flights")
    return json.loads((project.state / "artifacts" / "bundles" / live / name).read_bytes())


def check(ran, gate, name):
    checks = next(g["checks"] for g in ran.json["gates"] if g["gate"] == gate)
    return next(c for c in checks if c["name"] == name)


def verdicts(ran):
    """The verdicts that each gate gave."""
    return {
        gate["gate"]: {check["verdict"] for check in gate["checks"]} for gate in ran.json["gates"]
    }


ALL_OPEN = {
    "data": {"passed", "not applicable"},  # nor to hold the inputs against
    "training tests": {"passed"},
    "model": {"passed", "not applicable"},  # there is no champion to compare with
    "service": {"passed", "not applicable"},  # no consumer has left a contract
    "post-deploy tests": {"passed"},
}


def test_two_months_reach_prod(two_months):
    project, ran = two_months
    assert ran.code == 0, ran.err
    assert ran.json["sentence"] == "prod runs 1.0.0"
    assert verdicts(ran) == ALL_OPEN
    assert check(ran, "model", "no worse than champion")["verdict"] == "not applicable"
    assert 0.62 < bundle(project, "candidate.json")["test"]["roc_auc"]["value"] < 0.80


def test_the_probability_is_calibrated_beside_the_model(two_months):
    project, _ = two_months
    found = bundle(project, "answer.json")["spec"]["calibration"]
    assert found["method"] == "sigmoid"
    assert 0.3 < found["slope"] < 1.5
    assert found["n"] > 4_000
    assert any("calibrated on" in note for note in bundle(project, "candidate.json")["notes"])


def test_the_service_answered_as_the_training_table_says(two_months):
    _, ran = two_months
    features = check(ran, "service", "feature parity")
    assert features["verdict"] == "passed"
    assert features["n"] >= 200 * 20


def test_only_rows_that_had_landed_count_in_two_months(two_months):
    project, _ = two_months
    assert_as_landed(project, rows=150)


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.xdist_group("whole year")
def test_the_whole_year_reaches_prod(whole_year):
    project, ran = whole_year
    assert ran.code == 0, ran.err
    assert verdicts(ran) == ALL_OPEN
    assert bundle(project, "candidate.json")["name"] == "boosting"
    test = bundle(project, "candidate.json")["test"]
    assert 0.68 < test["roc_auc"]["value"] < 0.80  # more would be too good to be true
    assert 0.15 < test["brier"]["value"] < 0.22
    rows = check(ran, "data", "minimum rows")
    assert rows["n"] == 327_346  # 336,776 less the cancelled and diverted


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.xdist_group("whole year")
def test_only_rows_that_had_landed_count_in_the_whole_year(whole_year):
    project, _ = whole_year
    assert_as_landed(project, rows=400)


def assert_as_landed(project, *, rows):
    """Recompute histories of some rows, in plain Python, from flights that had landed by then."""
    folder = project.folder
    table = project.workspace().products["flights"].training_set(project_dir=folder).table
    flights = landed_flights(folder)
    weather = observations(folder)
    chosen = np.random.default_rng(11).choice(table.num_rows, rows, replace=False)
    sampled = table.take(np.sort(chosen)).to_pylist()
    careless = 0
    for row in sampled:
        hour, day = floor(row["t"], hours=1), floor(row["t"], hours=24)
        for by, name, grid, span in (
            (("origin",), "origin_late", hour, timedelta(hours=6)),
            (("carrier",), "carrier_late_7d", day, timedelta(days=7)),
            (("dest",), "dest_late_30d", day, timedelta(days=30)),
            (("tail_number",), "aircraft_late_7d", day, timedelta(days=7)),
            (("origin", "dest"), "route_late_30d", day, timedelta(days=30)),
        ):
            entity = tuple(row[f"request.{field}"] for field in by)
            past = flights[by].get(entity, ()) if None not in entity else ()
            found = late_share(past, grid, span)
            assert row[f"feature.{name}"] == pytest.approx(found, abs=1e-12), (name, row["t"])
            careless += found != late_share(past, grid, span, landed=False)
        entity = (row["request.origin"],)
        assert row["feature.temperature"] == newest(weather[entity], hour)
    assert careless > rows / 4  # a row that had not landed would have been seen


def floor(instant, *, hours):
    moment = EPOCH + instant * MICROSECOND
    return moment.replace(hour=0 if hours == 24 else moment.hour, minute=0, second=0, microsecond=0)


def late_share(past, grid, span, *, landed=True):
    """Share of those late, of flights scheduled in the window before the grid point."""
    first, end = bisect_left(past, (grid - span,)), bisect_left(past, (grid,))
    known = [late for _, landing, late in past[first:end] if not landed or landing <= grid]
    return sum(known) / len(known) if known else None


def landed_flights(folder):
    """(scheduled departure, when its delay is known, late) by entity."""
    zones = {
        row["faa"]: row["tzone"]
        for row in pq.read_table(folder / "data" / "airports.parquet").to_pylist()
    }
    found = {by: {} for by in [("origin",), ("carrier",), ("dest",), ("tail_number",)]}
    found["origin", "dest"] = {}
    for row in pq.read_table(folder / "data" / "flights.parquet").to_pylist():
        row["tail_number"] = row["tailnum"]
        departure = datetime.fromisoformat(row["time_hour"]) + timedelta(minutes=row["minute"])
        zone = ZoneInfo(zones.get(row["dest"]) or CARIBBEAN)
        clock = time_of_day(row["sched_arr_time"] // 100, row["sched_arr_time"] % 100)
        day = departure.astimezone(zone).date()
        due = datetime.combine(day, clock, zone)
        if due.astimezone(UTC) <= departure:
            due = datetime.combine(day + timedelta(days=1), clock, zone)
        landing = due.astimezone(UTC) + timedelta(days=1)  # known to be cancelled by then
        if row["arr_delay"] is not None:
            landing = due.astimezone(UTC) + timedelta(minutes=row["arr_delay"])
            took_off = departure + timedelta(minutes=row["dep_delay"])
            assert landing >= took_off + timedelta(minutes=row["air_time"])
        for by, past in found.items():
            past.setdefault(tuple(row[field] for field in by), []).append(
                (departure, landing, (row["arr_delay"] or 0) > 15)
            )
    return {by: {key: sorted(rows) for key, rows in past.items()} for by, past in found.items()}


def observations(folder):
    """(hour, temperature) by airport."""
    found = {}
    for row in pq.read_table(folder / "data" / "weather.parquet").to_pylist():
        moment = datetime.fromisoformat(row["time_hour"])
        found.setdefault((row["origin"],), []).append((moment, row["temp"]))
    return found


def newest(observed, grid):
    """The last temperature of an hour that is over, at most three hours old."""
    known = [
        (moment, value)
        for moment, value in observed
        if grid - timedelta(hours=3) <= moment <= grid - timedelta(hours=1)
    ]
    return max(known)[1] if known else None
