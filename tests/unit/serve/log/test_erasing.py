import json
import shutil

import pyarrow.parquet as pq
import pytest
from msgspec import structs

from interlock.serve.log import erasing
from interlock.serve.log.archive import archive_for
from interlock.serve.log.erasing import apply, before, begin, end, of_unit, pending
from interlock.serve.log.prediction_log import LogOptions, PredictionLog
from interlock.serve.log.record import Record, read_record, record_bytes
from interlock.serve.log.segment import seal
from interlock.serve.log.shipping import locked, read_all, ship

KEY = ("unit-secret-3", "1")


def record(number):
    return record_bytes(
        Record(
            id=f"id{number:02d}",
            time=number,
            product="p",
            status=200,
            entity=(f"unit-secret-{number % 5}", 1),
            request=b'{"unit":"unit-secret-%d"}' % (number % 5),
        )
    )


def left():
    return [f"id{n:02d}" for n in range(40) if n % 5 != 3]


@pytest.fixture(scope="module", params=["parquet", "delta"])
def written(request, tmp_path_factory):
    """Twenty records in an archive, twenty in segments, the last still written; for copying."""
    place = tmp_path_factory.mktemp("written")
    folder = place / "log"
    for half in (range(20), range(20, 40)):
        with PredictionLog.open(folder, "w0", LogOptions(segment_bytes=600)) as writer:
            for number in half:
                writer.append([record(number)])
        if half.start == 0:
            with PredictionLog.open(folder, "w0"), locked(folder, alone=True):
                ship(folder, archive_for(folder, request.param, place / "archive"))
    (folder / "w0-00000000.torn").write_bytes(b"unit-secret-3")
    return place


@pytest.fixture
def log(written, tmp_path):
    """One of one's own."""
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    return tmp_path / "log"


def ids(log):
    return sorted(read_record(e.payload).id for e in read_all(log))


UNIT = of_unit(KEY)


def bytes_of(log):
    files = [p for p in log.parent.rglob("*") if p.is_file() and p.suffix != ".parquet"]
    return b"".join(p.read_bytes() for p in files)


def test_a_units_rows_are_gone_from_segments_and_archives(log):
    assert b"unit-secret-3" in bytes_of(log)
    act = begin(log, UNIT, "log.erased", {})
    assert len(act.rows) == 8
    apply(log, act)
    end(log)
    assert ids(log) == left()
    assert b"unit-secret-3" not in bytes_of(log)
    assert pending(log) is None
    kept = [pq.read_table(path) for path in log.parent.rglob("*.parquet")]
    assert kept
    assert all("unit-secret-3" not in str(table.to_pylist()) for table in kept)


def test_an_erasure_that_dies_is_finished_and_twice_is_once(log, monkeypatch):
    act = begin(log, UNIT, "log.erased", {"reason": "asked"})
    monkeypatch.setattr(erasing, "archives", lambda log: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        apply(log, act)
    monkeypatch.undo()
    for _ in range(2):
        assert pending(log) == act
        apply(log, pending(log))
    end(log)
    assert ids(log) == left()


def test_a_record_torn_while_it_was_overwritten_is_made_whole(log):
    act = begin(log, UNIT, "log.erased", {})
    worker, segment, offset, _, size = act.rows[-1]
    path = log / f"{worker}-{segment:08d}.log"
    data = bytearray(path.read_bytes())
    data[offset + 16 : offset + 16 + size // 2] = bytes(size // 2)
    path.write_bytes(data)
    apply(log, pending(log))
    end(log)
    assert ids(log) == left()


def test_a_living_writer_goes_on(log):
    with PredictionLog.open(log, "w0") as writer:
        writer.append([record(43), record(44)])
        act = begin(log, UNIT, "log.erased", {})
        apply(log, act)
        end(log)
        writer.append([record(45)])
    assert ids(log) == [*left(), "id44", "id45"]


def test_a_journal_holds_no_key(log):
    begin(log, UNIT, "log.erased", {})
    assert b"unit-secret" not in (log / "erasing.json").read_bytes()


def test_an_archive_of_which_all_rows_went_has_no_file_of_them(log):
    everything = begin(log, before(1_000), "log.retained", {})
    assert len(everything.rows) == 40
    apply(log, everything)
    end(log)
    assert ids(log) == []
    assert list(log.parent.rglob("w0-*.parquet")) == []
    assert list(log.parent.rglob("part-*.parquet")) == []
    apply(log, everything)  # twice is once


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_answers_that_may_be_about_the_unit_are_counted_and_stay(tmp_path, kind):
    """A release of before, or after, declared the unit by other parts, or by none."""
    log = tmp_path / "log"
    request = b'{"house": 17.0, "floor": 2}'
    shipped_log(
        log,
        kind,
        [
            answered("own", 17),
            structs.replace(answered("none"), request=request),
            structs.replace(answered("more", 17, 2), request=request),
            structs.replace(answered("other", 17, 2), request=b'{"house": 18, "floor": 2}'),
            structs.replace(answered("another", 18), request=request),
            refused("refused", request),
        ],
    )
    act = begin(log, of_unit(("17",)), "log.erased", {})
    assert (len(act.rows), act.unclear) == (2, 2)
    assert pending(log) == act
    apply(log, act)
    end(log)
    assert ids(log) == ["another", "more", "none", "other"]


def torn(log, worker):
    """Append what a write that was cut short would have left."""
    path = sorted(log.glob(f"{worker}-*.log"))[-1]
    with path.open("ab") as stream:
        stream.write(seal(b"unit-torn" * 3, sequence=10_000, salt=1)[:-9])
    return path


def test_a_torn_tail_of_a_worker_that_died_goes(log):
    path = torn(log, "w0")
    before = ids(log)
    for _ in range(2):
        apply(log, begin(log, of_unit(("another",)), "log.erased", {}))
        end(log)
        assert b"unit-torn" not in path.read_bytes()
        assert list(log.glob("*.torn")) == []
        assert ids(log) == before
    with PredictionLog.open(log, "w0") as writer:
        assert writer.tally.cut > 0, "it is counted"
        writer.append([record(43)])
    assert ids(log) == [*before, "id43"]


def test_the_tail_that_a_living_writer_has_begun_is_left_to_it(log):
    with PredictionLog.open(log, "w0") as writer:
        writer.append([record(43)])
        path = torn(log, "w0")
        size = path.stat().st_size
        apply(log, begin(log, of_unit(("another",)), "log.erased", {}))
        end(log)
        assert path.stat().st_size == size


def test_what_delta_had_only_begun_to_write_goes(tmp_path):
    """A file that its writer was killed in: neither in the table, nor found by vacuuming."""
    log = tmp_path / "log"
    shipped_log(log, "delta", [answered("a", "unit-secret-3")])
    folder = tmp_path / "archive" / "predictions"
    staged = [folder / name for name in ("part-0.snappy.parquet#1", "part-1.parquet#12")]
    for path in staged:
        path.write_bytes(b"unit-secret-3")
    with locked(log, alone=True):
        ship(log, archive_for(log, "delta", tmp_path / "archive"))
    assert all(path.exists() for path in staged), "other tools may be writing"
    apply(log, begin(log, of_unit(("another",)), "log.erased", {}))
    end(log)
    assert not any(path.exists() for path in staged)
    assert ids(log) == ["a"]


def test_what_is_shipped_after_an_erasure_has_no_trace(log):
    apply(log, begin(log, UNIT, "log.erased", {}))
    end(log)
    with PredictionLog.open(log, "w0"), locked(log, alone=True):
        ship(log, archive_for(log, "parquet", log.parent / "second"))
    assert ids(log) == left()


def shipped_log(log, kind, records):
    """A log of these records, shipped but for the last."""
    with PredictionLog.open(log, "w0", LogOptions(segment_bytes=1)) as writer:
        for one in records:
            writer.append([record_bytes(one)])
    with PredictionLog.open(log, "w0"), locked(log, alone=True):
        ship(log, archive_for(log, kind, log.parent / "archive"))


def answered(name, *entity):
    return Record(id=name, time=1, product="p", status=200, entity=entity)


def refused(name, body):
    return Record(id=name, time=1, product="p", status=422, request=body)


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_a_key_is_compared_as_it_is_in_snapshots(tmp_path, kind):
    log = tmp_path / "log"
    given = [(503719.0, 211677), (503719, 211677.0), ("503719", 211677), (503719.5, 211677)]
    more = [(503719.0,), (503719.0, 211677, 1), (211677, 503719)]
    entities = [*given, *more]
    shipped_log(log, kind, [answered(f"id{n}", *entity) for n, entity in enumerate(entities)])
    apply(log, begin(log, of_unit(("503719", "211677")), "log.erased", {}))
    end(log)
    assert ids(log) == ["id3", "id4", "id5", "id6"]


@pytest.mark.parametrize("part", [17.0, True, None, 1e22, "x", 2**53 + 1])
def test_what_the_log_shows_of_a_key_names_it(part):
    assert of_unit((str(part),)).prediction(answered("a", part))


@pytest.mark.parametrize("kind", ["parquet", "delta"])
@pytest.mark.parametrize("key", ["Müller", 'A"B/C\\d'])
def test_a_refused_body_names_a_unit_escaped_as_well(tmp_path, kind, key):
    log = tmp_path / "log"
    body = json.dumps({"name": key, "x": 1e9}).encode()
    others = [refused("id2", b'{"name": "Mueller"}'), refused("id3", b"")]
    shipped_log(log, kind, [refused("id0", body), refused("id1", body[:-4]), *others])
    apply(log, begin(log, of_unit((key,)), "log.erased", {}))
    end(log)
    assert ids(log) == ["id2", "id3"]


def test_a_refused_body_names_a_number_however_it_is_written():
    for key in ("17", "17.0"):
        for body in (b'{"house": 17, "x": 1e9}', b'{"house": 17.0, "x"'):
            assert of_unit((key,)).prediction(refused("a", body))
        assert not of_unit((key,)).prediction(refused("a", b'{"house": 17.5, "x": 117}'))
