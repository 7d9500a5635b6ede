"""A log asked what lies in its segments: read as far as it is asked, and nothing is different."""

import json
from collections import Counter

import msgspec
import pyarrow as pa
import pytest

from interlock.errors import IntegrityError, OperatorError
from interlock.serve.log import view as view_module
from interlock.serve.log.archive import archive_for, archives, entries
from interlock.serve.log.erasing import apply, begin, end, of_unit
from interlock.serve.log.logged import PREDICTIONS
from interlock.serve.log.outcome import Outcome, outcome_bytes
from interlock.serve.log.prediction_log import LogOptions, PredictionLog
from interlock.serve.log.record import Phases, Record, record_bytes
from interlock.serve.log.segment import HEADER_SIZE, list_segments
from interlock.serve.log.shipping import locked, ship, unshipped
from interlock.serve.log.view import Asked, viewed


def records():
    """Of every kind there is; their times are not in the order logged, and some are the same."""
    known = {"product": "rents", "label": "1.0.0", "digest": "ab" * 32, "request": b'{"area":120}'}
    for n in range(120):
        facts = dict(known, id=f"id{n:03d}", time=1_000_000 * (n * 37 % 50), status=200)
        facts |= {"entity": (f"unit {n % 7}", n * 1.5), "prediction": 1.5 * n, "row": n}
        facts |= {"features": {"area": n, "wall": None if n % 2 else "wood"}, "grid": {"h": n}}
        facts |= {"interval": (n / 3, n / 2), "phases": Phases(decode=n / 9)}
        if n % 5 == 1:
            facts |= {"status": 422, "request": b"\\xff{", "message": f"wrong {n}", "error": "S110"}
        if n % 5 == 2:
            facts |= {"not_covered": "area is too large", "prediction": None, "interval": None}
        if n % 5 == 3:
            facts |= {"prediction": n % 2 == 0, "probabilities": (0.25, 0.75), "pinned": True}
        if n % 5 == 4:
            facts |= {
                "prediction": f"class {n % 3}",
                "as_of": n,
                "label": "2.0.0",
                "arm": "challenger",
            }
        yield Record(**facts)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Two workers' segments, some shipped; an erased unit, outcomes, a damaged record."""
    folder = tmp_path_factory.mktemp("scan") / "log"
    made = [record_bytes(record) for record in records()]
    outcome = {"name": "rent", "value": 9.0, "event_time": 5, "observed_at": 6}
    told = [outcome_bytes(Outcome(prediction=i, **outcome)) for i in ("id007", "id012", "none")]
    with PredictionLog.open(folder, "w0", LogOptions(segment_bytes=3_000)) as writer:
        for payload in made[:40]:
            writer.append([payload])
    with locked(folder, alone=True):
        ship(folder, archive_for(folder, "parquet", folder.parent / "parquet"))
    with PredictionLog.open(folder, "w0") as first, PredictionLog.open(folder, "w1") as second:
        for number, payload in enumerate([*made[40:], *told]):
            (second if number % 3 else first).append([payload])
    with locked(folder, alone=True):
        apply(folder, begin(folder, of_unit(("unit 3", "67.5")), "log.erased", {}))
        end(folder)
    path = list_segments(folder)[-1].path
    data = bytearray(path.read_bytes())
    data[HEADER_SIZE + 20] ^= 1
    path.write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def told(log):
    """Every row as its record tells it, the newest first."""
    with locked(log, alone=False):
        (known,) = archives(log)
        found = [*entries(known), *unshipped(log, [known], on_damage=lambda damage: None)]
    rows = [PREDICTIONS.row(PREDICTIONS.told(entry)) for entry in PREDICTIONS.of(found)]
    rows.sort(key=lambda row: (row["time"], row["id"]), reverse=True)
    assert len(rows) == 118  # all but the erased one and the damaged one
    return pa.Table.from_pylist(rows, schema=pa.schema(list(PREDICTIONS.facts))).to_pylist()


def rows(view, asked=None, limit=None):
    found = view.rows(asked or Asked(), limit=limit).read_all()
    return found.select([name for name, _ in PREDICTIONS.facts]).to_pylist()


@pytest.mark.parametrize(("instants", "window"), [(1_000, 50_000), (4, 7)])
def test_every_row_is_what_its_record_tells_and_the_newest_come_first(
    log, told, instants, window, monkeypatch
):
    monkeypatch.setattr(view_module, "_MOST_INSTANTS", instants)
    monkeypatch.setattr(view_module, "_WINDOW_ROWS", window)
    with viewed(log) as view:
        assert rows(view) == told
        for limit in (1, 20, 500):
            assert rows(view, limit=limit) == told[:limit]
        assert view.count(Asked()) == 118
        hurt = 16 + len(record_bytes([*records()][41]))
        assert [(found.size, found.at_end) for found in view.damage] == [(hurt, False)]


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        (Asked(since=20_000_000, until=30_000_000), lambda r: 20 <= r["time"].timestamp() < 30),
        (Asked(ids=("id003", "id101", "no")), lambda r: r["id"] in ("id003", "id101")),
        (Asked(release="2.0.0"), lambda r: r["release"] == "2.0.0"),
        (Asked(release="abab"), lambda r: True),
        (Asked(status=422), lambda r: r["status"] == 422),
        (Asked(entity=("unit 1", "1.5")), lambda r: r["entity"] == ["unit 1", "1.5"]),
        (Asked(arm="challenger", covered=True), lambda r: r["arm"] == "challenger"),
        (Asked(rejected=True), lambda r: r["status"] == 422 or r["covered"] is False),
        (Asked(arm="nobody"), lambda r: False),
    ],
)
def test_a_filter_gives_what_it_says_of_any_of_them(log, told, asked, holds):
    expected = [row for row in told if holds(row)]
    with viewed(log) as view:
        assert rows(view, asked) == expected
        assert rows(view, asked, limit=3) == expected[:3]
        assert view.count(asked) == len(expected)


def test_a_statement_reads_the_columns_that_it_names(log, told):
    statement = (
        "SELECT class, count(*) AS n, sum(low) AS low FROM predictions "
        "WHERE json_extract_string(features, '$.wall') IS NULL AND row > 3 GROUP BY class"
    )
    with viewed(log) as view:
        found = {row["class"]: row for row in view.select(statement).read_all().to_pylist()}
    wanted = [r for r in told if json.loads(r["features"])["wall"] is None and r["row"] > 3]
    assert {name: row["n"] for name, row in found.items()} == Counter(r["class"] for r in wanted)
    lows = sum(r["low"] for r in wanted if r["class"] is None and r["low"] is not None)
    assert found[None]["low"] == pytest.approx(lows)


def test_outcomes_are_joined_wherever_they_lie(log):
    with viewed(log) as view:
        found = view.outcomes(["id007", "none"]).select(["prediction_id", "known"]).to_pylist()
        assert view.unknown_outcomes() == 1
    assert found == [
        {"prediction_id": "id007", "known": True},
        {"prediction_id": "none", "known": False},
    ]


def test_a_record_that_cannot_be_read_is_told_where_it_is_asked_for(tmp_path):
    rows = [{"id": f"{n}", "time": n, "product": "p", "status": 200, "row": n} for n in range(90)]
    rows[60]["row"] = "the sixtieth"
    with PredictionLog.open(tmp_path, "w0") as writer:
        writer.append([msgspec.msgpack.encode(row) for row in rows])
    with viewed(tmp_path) as view:
        assert view.count(Asked()) == 90
        for ask in (
            lambda: view.rows(Asked()).read_all(),
            lambda: view.select("SELECT max(row) FROM predictions"),
        ):
            with pytest.raises(IntegrityError, match="a logged record cannot be read") as raised:
                ask()
            assert raised.value.code == "S180"
        with pytest.raises(OperatorError) as wrong:  # and no other error is taken for it
            view.select("SELECT nothing FROM predictions")
        assert wrong.value.code == "S185"
