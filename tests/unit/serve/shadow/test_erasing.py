"""Scores of a challenger in shadow go with their records; folders of ended rollouts go."""

import pytest

from interlock.serve.log.archive import archive_for
from interlock.serve.log.erasing import apply, before, begin, end, of_unit
from interlock.serve.log.prediction_log import LogOptions, PredictionLog
from interlock.serve.log.read import read_log
from interlock.serve.log.record import Record, read_record, record_bytes
from interlock.serve.log.shipping import locked, read_all, ship
from interlock.serve.shadow.erasing import forget_scores
from interlock.serve.shadow.logs import shadow_log


def write(folder, worker, records, segment_bytes=1):
    with PredictionLog.open(folder, worker, LogOptions(segment_bytes=segment_bytes)) as log:
        for record in records:
            log.append([record_bytes(record)])


def scores(log, salt="now"):
    found = [read_record(entry.payload) for entry in read_log(shadow_log(log, salt))]
    return [score.prediction for score in found]


def score_all(log, salt="now"):
    made = [
        Record(
            id="",
            time=1,
            product="p",
            status=200,
            prediction=read_record(entry.payload).prediction,
            shadows=(entry.worker, entry.segment, entry.offset),
        )
        for entry in read_all(log)
    ]
    write(shadow_log(log, salt), "shadow", made, segment_bytes=150)


@pytest.fixture
def log(tmp_path):
    """Four records in an archive and six in segments, each with its score."""
    folder = tmp_path / "log"
    for days in (range(4), range(4, 10)):
        answered = [
            Record(
                id=f"id{day}",
                time=day,
                product="p",
                status=200,
                entity=(f"unit {day % 2}",),
                prediction=float(day),
            )
            for day in days
        ]
        write(folder, "w0", answered)
        if days.start == 0:
            with PredictionLog.open(folder, "w0"), locked(folder, alone=True):
                ship(folder, archive_for(folder, "parquet", tmp_path / "archive"))
    score_all(folder)
    return folder


def erase(log, wanted, running="now"):
    with locked(log, alone=True):
        act = begin(log, wanted, "log.erased", {})
        apply(log, act)
        forget_scores(log, running=running)
        end(log)


def test_the_scores_of_an_erased_unit_go_with_its_records(log):
    assert scores(log) == [float(day) for day in range(10)]
    erase(log, of_unit(("unit 1",)))
    assert scores(log) == [0.0, 2.0, 4.0, 6.0, 8.0]


def test_old_scores_go_with_old_records_and_their_segments_with_them(log):
    folder = shadow_log(log, "now")
    many = len(list(folder.glob("*.log")))
    erase(log, before(9))
    assert scores(log) == [9.0]
    assert len(list(folder.glob("*.log"))) < many


def test_a_score_of_a_record_that_was_erased_meanwhile_goes_with_the_next_act(log):
    late = Record(id="", time=1, product="p", status=200, shadows=("w9", 3, 48), prediction=7.5)
    write(shadow_log(log, "now"), "shadow", [late])
    erase(log, before(0))
    assert scores(log) == [float(day) for day in range(10)]


def test_the_folder_of_an_ended_rollout_goes_when_no_score_is_left_in_it(log):
    score_all(log, salt="ended")
    (shadow_log(log, "ended") / "shadow-00000000.torn").write_bytes(b"anything")
    erase(log, before(9))
    assert scores(log, "ended") == [9.0]
    assert not list(shadow_log(log, "ended").glob("*.torn"))
    erase(log, before(10))
    assert not shadow_log(log, "ended").exists()
    assert shadow_log(log, "now").is_dir(), "a process may be appending to it"
    assert scores(log) == []


def test_damage_in_the_scores_keeps_no_erasure_from_ending(log):
    first = min(shadow_log(log, "now").glob("*.log"))
    data = bytearray(first.read_bytes())
    data[-3] ^= 0xFF
    first.write_bytes(data)
    erase(log, before(10))
    assert scores_readable(log) == []


def scores_readable(log):
    return list(read_log(shadow_log(log, "now"), on_damage=lambda _: None))
