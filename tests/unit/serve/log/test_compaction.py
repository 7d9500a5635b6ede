"""Few files of many: every row stays, once, whatever dies; what is erased is gone from all."""

import json
import shutil

import pyarrow.parquet as pq
import pytest

from interlock.clock import DAY
from interlock.errors import IntegrityError
from interlock.serve.log import delta_archive, merging, parquet_archive
from interlock.serve.log.archive import archive_for, archives
from interlock.serve.log.compaction import Compacted, compact
from interlock.serve.log.delta_archive import DeltaArchive
from interlock.serve.log.erasing import apply, before, begin, end, of_unit, pending
from interlock.serve.log.logged import PREDICTIONS
from interlock.serve.log.outcome import Outcome, outcome_bytes
from interlock.serve.log.parquet_archive import ParquetArchive
from interlock.serve.log.prediction_log import LogOptions, PredictionLog
from interlock.serve.log.record import Record, read_record, record_bytes
from interlock.serve.log.segment import list_segments
from interlock.serve.log.shipping import locked, read_all, ship
from interlock.serve.log.table import Place
from interlock.serve.log.view import Asked, viewed

FIRST = 1_717_200_000_000_000  # the first of June 2024, 00:00 UTC
LATER = FIRST + 100 * DAY


def record(number, day):
    return Record(
        id=f"id{day}{number:02d}",
        time=FIRST + day * DAY + number * 1_000_000,
        product="p",
        status=200,
        entity=(f"unit-secret-{number % 5}",),
        request=b'{"unit":"unit-secret-%d"}' % (number % 5),
    )


def write(log, worker, day):
    with PredictionLog.open(log, worker, LogOptions(segment_bytes=600)) as writer:
        for number in range(20):
            writer.append([record_bytes(record(number, day))])


def ship_all(log, kind):
    for worker in ("w0", "w1"):
        PredictionLog.open(log, worker).__enter__().__exit__(None, None, None)
    with locked(log, alone=True):
        ship(log, archive_for(log, kind, log.parent / kind))


@pytest.fixture(scope="module", params=["parquet", "delta"])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def shipped(tmp_path_factory, kind):
    """Three days of one worker and one of another, each in many small files; for copying."""
    return made(
        tmp_path_factory.mktemp("shipped"), kind, ("w0", 0), ("w0", 1), ("w1", 1), ("w0", 2)
    )


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """One day of two workers in Parquet files; for copying."""
    return made(tmp_path_factory.mktemp("short"), "parquet", ("w0", 0), ("w1", 0))


def made(folder, kind, *days):
    for worker, day in days:
        write(folder / "log", worker, day)
    ship_all(folder / "log", kind)
    return folder


def copied(folder, place):
    shutil.copytree(folder, place, dirs_exist_ok=True)
    return place / "log"


@pytest.fixture
def log(shipped, tmp_path):
    """One of one's own."""
    return copied(shipped, tmp_path)


def rows(log):
    return sorted((e.worker, e.segment, e.offset, e.payload) for e in read_all(log))


def ids(log):
    found = sorted(read_record(payload).id for _, _, _, payload in rows(log))
    with viewed(log) as view:
        assert sorted(view.rows(Asked()).read_all()["id"].to_pylist()) == found
    return found


def files(log, kind):
    if kind == "delta":
        return DeltaArchive(directory=log.parent / kind)._delta(PREDICTIONS).file_uris()
    return sorted(path.name for path in (log.parent / kind / "predictions").glob("*.parquet"))


def erase(log, wanted):
    with locked(log, alone=True):
        act = pending(log) or begin(log, wanted, "log.erased", {})
        apply(log, act)
        end(log)
    return act


def texts(log):
    tables = [pq.read_table(path) for path in log.parent.rglob("*.parquet")]
    others = [p for p in log.parent.rglob("*") if p.is_file() and p.suffix != ".parquet"]
    return [str(t.to_pylist()) for t in tables] + [p.read_bytes().decode("latin1") for p in others]


def test_days_that_are_over_become_a_file_each_and_every_row_stays(log, kind):
    known, many = rows(log), len(files(log, kind))
    done = compact(log, before=FIRST + 2 * DAY + 5)
    assert rows(log) == known
    left = files(log, kind)
    if kind == "delta":
        assert (len(left), done.rows) == (1, 80)
        return
    assert (done.files, done.made, done.rows) == (many - len(left) + 2, 2, 60)
    assert [name.partition(".")[0] for name in left[:2]] == ["2024-06-01", "2024-06-02"]
    assert all(name.startswith("w0-") for name in left[2:]), "today's files stay as they are"
    assert compact(log, before=FIRST + 2 * DAY + 5) == Compacted()
    archive = ParquetArchive(directory=log.parent / kind)
    assert all(archive.has(PREDICTIONS, Place(worker=w, segment=s)) for w, s, _, _ in known), (
        "shipped once is shipped"
    )
    assert not archive.has(PREDICTIONS, Place(worker="w1", segment=99))


def test_what_comes_later_is_taken_in_and_shipping_goes_on(log, kind):
    compact(log, before=LATER)
    write(log, "w1", 1)
    ship_all(log, kind)
    known = rows(log)
    assert len(known) == 100
    done = compact(log, before=LATER)
    assert done.files > 1
    assert rows(log) == known
    assert len(files(log, kind)) == (1 if kind == "delta" else 3)


def test_outcomes_are_compacted_as_well(tmp_path, kind):
    log = tmp_path / "log"
    with PredictionLog.open(log, "w0", LogOptions(segment_bytes=600)) as writer:
        for number in range(20):
            told = Outcome(
                prediction=f"id{number}",
                name="price",
                value=1.0,
                event_time=FIRST,
                observed_at=FIRST,
                time=FIRST,
                product="p",
            )
            writer.append([outcome_bytes(told)])
    ship_all(log, kind)
    known = rows(log)
    assert compact(log, before=LATER).rows == 20
    assert rows(log) == known


@pytest.mark.parametrize("at", ["_write", "require_same", "_write_index", "_remove"])
@pytest.mark.parametrize("after", [False, True])
def test_death_at_any_moment_loses_and_doubles_nothing(short, tmp_path, at, after, monkeypatch):
    log = copied(short, tmp_path)
    known = rows(log)

    class Death(BaseException):
        pass

    holder = ParquetArchive if at == "_write_index" else parquet_archive
    real = getattr(holder, at)

    def die(*arguments, **named):
        if after:
            real(*arguments, **named)
        raise Death

    with monkeypatch.context() as patched:
        patched.setattr(holder, at, die)
        with pytest.raises(Death):
            compact(log, before=LATER)
    assert rows(log) == known
    left = ids(log)
    erase(log, of_unit(("unit-secret-3",)))
    assert not [text for text in texts(log) if "unit-secret-3" in text]
    assert ids(log) == [name for name in left if int(name[-2:]) % 5 != 3]
    ship_all(log, "parquet")
    compact(log, before=LATER)
    assert len(files(log, "parquet")) == 1
    assert ids(log) == [name for name in left if int(name[-2:]) % 5 != 3]


@pytest.mark.parametrize(
    ("at", "after"), [("_link_all", True), ("require_same", False), ("_commit", True)]
)
def test_delta_no_version_that_was_not_proven_is_ever_seen(tmp_path, at, after, monkeypatch):
    log = tmp_path / "log"
    for worker in ("w0", "w1"):
        write(log, worker, 0)
    ship_all(log, "delta")
    known, many = rows(log), files(log, "delta")
    real = getattr(delta_archive, at)

    class Death(BaseException):
        pass

    def die(*arguments, **named):
        if after:
            real(*arguments, **named)
        raise Death

    with monkeypatch.context() as patched:
        patched.setattr(delta_archive, at, die)
        patched.setattr(delta_archive, "rmtree", lambda *_, **__: None)  # who is killed cleans not
        with pytest.raises(Death):
            compact(log, before=LATER)
    assert len(files(log, "delta")) == (1 if at == "_commit" else len(many))
    assert rows(log) == known
    left = ids(log)
    erase(log, of_unit(("unit-secret-3",)))
    assert not [text for text in texts(log) if "unit-secret-3" in text]
    compact(log, before=LATER)
    assert len(files(log, "delta")) == 1
    assert ids(log) == [name for name in left if int(name[-2:]) % 5 != 3]
    assert not list((log.parent / "delta").glob(".partial-*"))


def test_delta_a_row_that_compaction_lost_is_never_missed(tmp_path, monkeypatch):
    log = tmp_path / "log"
    write(log, "w0", 0)
    ship_all(log, "delta")
    known, table = rows(log), DeltaArchive(directory=tmp_path / "delta")._delta(PREDICTIONS)
    real, seen = delta_archive._merged, []

    def losing(place, trial):
        opened = delta_archive._opened

        def broken(where):
            if where == trial and not seen:
                seen.append(True)
                opened(trial).delete("sequence = 5")
            return opened(where)

        with monkeypatch.context() as patched:
            patched.setattr(delta_archive, "_opened", broken)
            return real(place, trial)

    monkeypatch.setattr(delta_archive, "_merged", losing)
    with pytest.raises(IntegrityError) as raised:
        compact(log, before=LATER)
    assert (raised.value.code, seen) == ("S189", [True])
    after = DeltaArchive(directory=tmp_path / "delta")._delta(PREDICTIONS)
    assert (rows(log), after.version()) == (known, table.version()), "not even for a moment"


def test_what_is_erased_is_gone_from_compacted_files_and_all_that_they_were_made_of(log, kind):
    known = ids(log)
    compact(log, before=LATER)
    erase(log, of_unit(("unit-secret-3",)))
    assert ids(log) == [name for name in known if int(name[-2:]) % 5 != 3]
    assert not [text for text in texts(log) if "unit-secret-3" in text]


def test_an_erasure_that_died_in_a_compacted_file_is_finished(log, kind, monkeypatch):
    known = ids(log)
    compact(log, before=LATER)

    def die(*_, **__):
        raise KeyboardInterrupt

    cls = ParquetArchive if kind == "parquet" else DeltaArchive
    with monkeypatch.context() as patched:
        patched.setattr(cls, "_drop" if kind == "parquet" else "drop", die)
        with pytest.raises(KeyboardInterrupt):
            erase(log, of_unit(("unit-secret-3",)))
    erase(log, of_unit(("unit-secret-3",)))
    assert ids(log) == [name for name in known if int(name[-2:]) % 5 != 3]


def test_days_that_are_too_old_go_with_their_files(log, kind):
    compact(log, before=LATER)
    erase(log, before(FIRST + 2 * DAY))
    assert ids(log) == [f"id2{n:02d}" for n in range(20)]
    if kind == "parquet":
        assert [name.partition(".")[0] for name in files(log, kind)] == ["2024-06-03"]
        index = json.loads((log.parent / kind / "predictions" / "_compacted.json").read_bytes())
        assert list(index) == files(log, kind)


def test_what_was_made_wrong_is_not_taken(log, kind, monkeypatch):
    known = rows(log)

    class Other(merging.Fingerprint):
        def __eq__(self, other):
            return False

        __hash__ = None

    monkeypatch.setattr(f"interlock.serve.log.{kind}_archive.Fingerprint", Other)
    with pytest.raises(IntegrityError) as raised:
        compact(log, before=LATER)
    assert raised.value.code == "S189"
    assert rows(log) == known
    monkeypatch.undo()
    assert compact(log, before=LATER).files > 1
    assert rows(log) == known


def test_a_segments_rows_are_found_without_reading_the_others(log, kind):
    compact(log, before=FIRST + 2 * DAY)
    (archive,) = archives(log)
    if kind == "parquet":
        one = archive.rows(PREDICTIONS, Place(worker="w0", segment=0))
        assert [path.rpartition("/")[2][:10] for path in one.files] == ["2024-06-01"]
        assert archive.rows(PREDICTIONS, Place(worker="w9", segment=0)).count_rows() == 0


def test_a_log_that_was_never_shipped_has_nothing_to_compact(tmp_path):
    assert compact(tmp_path / "none", before=LATER) == Compacted()
    write(tmp_path / "log", "w0", 0)
    assert compact(tmp_path / "log", before=LATER) == Compacted()
    assert list_segments(tmp_path / "log")
