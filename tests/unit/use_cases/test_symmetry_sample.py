"""Which answers of a log are looked at: the newest of the sampled ones, whoever wrote them."""

import pytest

from interlock.errors import IntegrityError
from interlock.serve.log.prediction_log import PredictionLog
from interlock.serve.log.record import Record, record_bytes
from interlock.use_cases.symmetry import newest_sampled


def write(folder, worker, times, status=200):
    with PredictionLog.open(folder, worker) as log:
        for t in times:
            record = Record(id=f"{worker}-{t}", time=t, product="p", status=status, entity=(t,))
            log.append([record_bytes(record)])


def test_the_newest_of_all_workers_in_order_of_time(tmp_path):
    write(tmp_path, "w0", range(10, 20))
    write(tmp_path, "w1", range(5, 15))
    logged, chosen = newest_sampled(tmp_path, 1.0, most=7)
    assert logged == 20
    assert [r.time for r in chosen] == [14, 14, 15, 16, 17, 18, 19]


def test_refusals_are_neither_counted_nor_looked_at(tmp_path):
    write(tmp_path, "w0", [1, 2])
    write(tmp_path, "w1", [3], status=422)
    logged, chosen = newest_sampled(tmp_path, 1.0)
    assert (logged, [r.id for r in chosen]) == (2, ["w0-1", "w0-2"])


def test_a_share_of_the_log_is_looked_at_and_all_of_it_counted(tmp_path):
    write(tmp_path, "w0", range(300))
    logged, chosen = newest_sampled(tmp_path, 0.5)
    assert logged == 300
    assert 100 < len(chosen) < 200


def test_no_log_has_no_answers(tmp_path):
    assert newest_sampled(tmp_path / "none", 1.0) == (0, [])


def test_a_damaged_log_is_said_so_and_never_passed_over(tmp_path):
    write(tmp_path, "w0", range(20))
    (path,) = (p for p in tmp_path.rglob("*") if p.is_file() and p.stat().st_size > 500)
    data = bytearray(path.read_bytes())
    data[300] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError) as caught:
        newest_sampled(tmp_path, 1.0)
    assert caught.value.code == "S153"
