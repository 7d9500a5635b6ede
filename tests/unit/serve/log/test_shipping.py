import json

import pyarrow.parquet as pq
import pytest

from interlock.errors import IntegrityError, OperatorError
from interlock.serve.log import shipping
from interlock.serve.log.archive import archive_for, archives, entries
from interlock.serve.log.delta_archive import DeltaArchive
from interlock.serve.log.logged import PREDICTIONS
from interlock.serve.log.parquet_archive import ParquetArchive
from interlock.serve.log.prediction_log import LogOptions, PredictionLog
from interlock.serve.log.record import Record, read_record, record_bytes
from interlock.serve.log.segment import list_segments
from interlock.serve.log.shipping import finished, locked, read_all, ship
from interlock.serve.log.table import Place
from interlock.serve.log.view import Asked, viewed


def record(number, **facts):
    known = {
        "id": f"id{number:04d}",
        "time": 1_000_000 * number,
        "product": "rents",
        "status": 200,
        "label": "1.0.0",
        "digest": "ab" * 32,
        "entity": (f"unit {number % 5}", number % 2),
        "request": b'{"area":120}',
        "prediction": 1.5 * number,
    }
    return Record(**{**known, **facts})


@pytest.fixture
def log(tmp_path):
    """Forty records of one worker in finished segments and one that is open, and of another."""
    folder = tmp_path / "log"
    options = LogOptions(segment_bytes=1_000)
    with PredictionLog.open(folder, "w0", options) as writer:
        for number in range(40):
            writer.append([record_bytes(record(number))])
    with PredictionLog.open(folder, "w1", options) as writer:
        writer.append([record_bytes(record(40)), record_bytes(record(41, status=422, error="S1"))])
    return folder


@pytest.fixture(params=["parquet", "delta"])
def kind(request):
    return request.param


def shipped(log, kind):
    with locked(log, alone=True):
        return ship(log, archive_for(log, kind, log.parent / kind))


def ids(log):
    return sorted(read_record(entry.payload).id for entry in read_all(log))


def seen(log, asked=None):
    with viewed(log) as view:
        return sorted(view.rows(asked or Asked()).read_all()["id"].to_pylist())


EVERY = [f"id{number:04d}" for number in range(42)]


ANY_NAME = "a b 100% %zz #?c é漢🏠 *'&+~;:\"`{}<>"
ODD_NAME = "a%20b\\c\nd[e]^|"


def elsewhere(log, name):
    """The log in a folder of that name."""
    (log.parent / name).mkdir()
    return log.rename(log.parent / name / "log")


def proven_whole(log, kind):
    """Ship, take one record out, compact, and find all others; nothing lies anywhere else."""
    shipped(log, kind)
    (archive,) = archives(log)
    first = next(entries(archive, tables=[PREDICTIONS]))
    archive.drop({Place(worker=first.worker, segment=first.segment): {first.offset}})
    archive.compact(PREDICTIONS, before=2**50)
    assert ids(log) == [one for one in EVERY if one != read_record(first.payload).id]
    assert [path.name for path in log.parent.parent.iterdir()] == [log.parent.name]


def test_a_log_in_a_folder_of_almost_any_name_is_shipped(log, kind):
    proven_whole(elsewhere(log, ANY_NAME), kind)


def test_where_no_delta_table_can_stand_the_log_stays_and_ships_to_parquet(log):
    log = elsewhere(log, ODD_NAME)
    with pytest.raises(OperatorError, match="S190"):
        shipped(log, "delta")
    assert [path.name for path in log.parent.iterdir()] == ["log"]
    proven_whole(log, "parquet")


def test_finished_segments_are_shipped_and_deleted(log, kind):
    before = {s.path.name for s in finished(list_segments(log))}
    done = shipped(log, kind)
    assert (done.segments, done.deleted, done.damaged) == (len(before), len(before), ())
    assert [s.worker for s in list_segments(log)] == ["w0", "w1"]
    assert done.rows + sum(1 for _ in shipping.unshipped(log, [])) == 42
    assert ids(log) == seen(log) == EVERY
    again = shipped(log, kind)
    assert (again.segments, again.rows, again.deleted) == (0, 0, 0)
    assert ids(log) == EVERY


def test_records_come_back_byte_for_byte(log, kind):
    before = {(e.worker, e.segment, e.offset): (e.sequence, e.payload) for e in read_all(log)}
    shipped(log, kind)
    after = {(e.worker, e.segment, e.offset): (e.sequence, e.payload) for e in read_all(log)}
    assert after == before


def test_segment_numbers_go_on_after_shipping(log, kind):
    highest = max(s.number for s in list_segments(log) if s.worker == "w0")
    shipped(log, kind)
    with PredictionLog.open(log, "w0") as writer:
        writer.append([record_bytes(record(42))])
    assert max(s.number for s in list_segments(log) if s.worker == "w0") == highest + 1
    shipped(log, kind)
    assert ids(log) == [*EVERY, "id0042"]


@pytest.mark.parametrize("at", ["put", "verify", "delete"])
def test_death_at_any_moment_loses_and_doubles_nothing(log, kind, at, monkeypatch):
    class Death(BaseException):
        pass

    def die(*arguments, **named):
        raise Death

    cls = ParquetArchive if kind == "parquet" else DeltaArchive
    put, deaths = cls.put, []

    def put_then_die(self, table, place, rows):
        put(self, table, place, rows)
        die()

    for _ in range(3):
        with monkeypatch.context() as patched:
            if at == "put":
                patched.setattr(cls, "put", put_then_die)
            else:
                name = {"verify": "_verify", "delete": "delete_segment"}[at]
                patched.setattr(shipping, name, die)
            with pytest.raises(Death):
                shipped(log, kind)
            deaths.append(at)
        assert ids(log) == seen(log) == EVERY
    shipped(log, kind)
    assert ids(log) == seen(log) == EVERY
    assert len(deaths) == 3


def test_what_is_not_the_same_in_the_archive_keeps_the_segment(log, monkeypatch):
    put = ParquetArchive.put

    def lossy(self, table, place, rows):
        put(self, table, place, [next(iter(rows)).slice(1)])

    monkeypatch.setattr(ParquetArchive, "put", lossy)
    before = len(list_segments(log))
    with pytest.raises(IntegrityError, match="not those that were logged") as raised:
        shipped(log, "parquet")
    assert raised.value.code == "S184"
    assert len(list_segments(log)) == before


def test_a_damaged_segment_stays_and_is_named(log):
    first = list_segments(log)[0].path
    data = bytearray(first.read_bytes())
    data[120] ^= 1
    first.write_bytes(data)
    done = shipped(log, "parquet")
    assert done.damaged == ("w0-00000000.log",)
    assert first.exists()
    with viewed(log) as view:
        assert [d.path for d in view.damage] == [first]
        assert view.count(Asked()) == 41


def test_two_archives_are_read_together(log):
    shipped(log, "parquet")
    with PredictionLog.open(log, "w0") as writer:
        writer.append([record_bytes(record(42))])
    shipped(log, "delta")
    assert [a.kind for a in archives(log)] == ["parquet", "delta"]
    assert seen(log) == [*EVERY, "id0042"]


def test_an_archive_of_another_log_is_refused(log, tmp_path):
    shipped(log, "parquet")
    other = tmp_path / "other"
    with PredictionLog.open(other, "w0") as writer:
        writer.append([b"x"])
    with pytest.raises(OperatorError, match="holds something else") as raised:
        archive_for(other, "parquet", log.parent / "parquet")
    assert raised.value.code == "S183"


def test_an_archive_that_is_gone_is_not_taken_for_an_empty_one(log):
    shipped(log, "parquet")
    (log.parent / "parquet").rename(log.parent / "elsewhere")
    with pytest.raises(IntegrityError) as raised:
        ids(log)
    assert raised.value.code == "S181"


def test_the_state_folder_can_be_moved(log):
    shipped(log, "parquet")
    moved = log.parent.rename(log.parent.with_name("moved"))
    assert ids(moved / "log") == EVERY
    assert json.loads((moved / "log" / "archives.json").read_bytes())["archives"] == [
        {"kind": "parquet", "directory": "parquet"}
    ]


def test_no_units_key_is_in_the_delta_tables_own_log(log):
    shipped(log, "delta")
    texts = [p.read_text() for p in (log.parent / "delta").glob("*/_delta_log/*.json")]
    assert len(texts) > 2
    assert not [text for text in texts if "unit 1" in text]


def test_a_parquet_file_is_one_segment(log):
    shipped(log, "parquet")
    path = log.parent / "parquet" / "predictions" / "w0-00000000.parquet"
    assert set(pq.read_table(path)["segment"].to_pylist()) == {0}
    archive = ParquetArchive(directory=log.parent / "parquet")
    assert archive.has(PREDICTIONS, Place(worker="w0", segment=0))


def test_segments_end_by_time(tmp_path):
    with PredictionLog.open(tmp_path, "w0", LogOptions(segment_seconds=0)) as log:
        log.append([b"one"])
        log.append([b"two"])
    assert [e.segment for e in read_all(tmp_path)] == [1, 2]


def test_filters(log):
    shipped(log, "parquet")
    assert seen(log, Asked(since=39_000_000)) == ["id0039", "id0040", "id0041"]
    assert seen(log, Asked(until=1_000_000)) == ["id0000"]
    assert seen(log, Asked(ids=("id0003", "id0041"))) == ["id0003", "id0041"]
    assert len(seen(log, Asked(release="1.0.0"))) == len(seen(log, Asked(release="abab"))) == 42
    assert seen(log, Asked(status=422)) == seen(log, Asked(rejected=True)) == ["id0041"]
    assert seen(log, Asked(entity=("unit 1", "1"), until=20_000_000)) == ["id0001", "id0011"]
    assert len(seen(log, Asked(covered=True))) == 41
    assert seen(log, Asked(covered=False)) == seen(log, Asked(arm="challenger")) == []


@pytest.mark.parametrize("limit", [1, 3, 41, 42, 50, 2_000])
def test_the_newest_are_the_newest_wherever_they_lie(log, kind, limit):
    shipped(log, kind)
    with PredictionLog.open(log, "w2") as writer:  # of one instant, and older than what is shipped
        writer.append([record_bytes(record(n, time=39_000_000)) for n in (50, 51, 52)])
        writer.append([record_bytes(record(60, time=5))])
    with viewed(log) as view:
        every = view.rows(Asked()).read_all()["id"].to_pylist()
        assert every[:6] == ["id0041", "id0040", "id0052", "id0051", "id0050", "id0039"]
        assert view.rows(Asked(), limit=limit).read_all()["id"].to_pylist() == every[:limit]
        old = Asked(until=30_000_000, status=200)
        known = view.rows(old).read_all()["id"].to_pylist()
        assert view.rows(old, limit=limit).read_all()["id"].to_pylist() == known[:limit]
        assert view.rows(Asked(status=599), limit=limit).read_all().num_rows == 0


def test_sql_reads_the_view_and_nothing_else(log, tmp_path):
    shipped(log, "delta")
    with viewed(log) as view:
        found = view.select("SELECT status, count(*) AS n FROM predictions GROUP BY 1 ORDER BY 1")
        assert found.read_all().to_pylist() == [{"status": 200, "n": 41}, {"status": 422, "n": 1}]
        for bad in (
            "DROP VIEW predictions",
            f"COPY predictions TO '{tmp_path}/out.csv'",
            "SELECT 1; SELECT 2",
            "SELECT nothing FROM predictions",
            "SELECT * FROM read_text('/etc/hostname')",
            "SET enable_external_access = true",
        ):
            with pytest.raises(OperatorError) as raised:
                view.select(bad)
            assert raised.value.code == "S185"
        for bad, got in (
            ("DROP VIEW predictions", "DROP"),
            ("SELECT 1; SELECT 2", "SELECT, SELECT"),
        ):
            with pytest.raises(OperatorError, match=f"got: {got}\n"):
                view.select(bad)
    assert not (tmp_path / "out.csv").exists()


def test_a_log_that_is_not_there_is_empty(tmp_path):
    assert seen(tmp_path / "none") == ids(tmp_path / "none") == []
