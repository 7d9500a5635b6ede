import pytest

from interlock.errors import OperatorError
from interlock.serve.shadow.under_way import Row, UnderWay, died_at

FIRST, SECOND = ("w0", 0, 64), ("w0", 0, 128)


def ended(under_way, error):
    with pytest.raises(type(error)), under_way:
        raise error


def died(scores, *places):
    """The deaths that are known of each row begun by a process that dies at the last of them."""
    under_way = UnderWay.open(scores)
    deaths = []
    for place in places:
        under_way.end()
        deaths.append(under_way.begin(place))
    ended(under_way, SystemExit())
    return deaths


def test_deaths_at_one_row_are_counted_also_behind_rows_that_came_before_it(tmp_path):
    assert died_at(tmp_path) is None
    assert died(tmp_path, FIRST, SECOND) == [0, 0]
    assert died(tmp_path, FIRST, SECOND) == [0, 1]
    assert died_at(tmp_path) == Row(worker="w0", segment=0, offset=128, times=2)
    assert died(tmp_path, SECOND) == [2]


def test_who_ends_in_good_order_has_died_at_no_row(tmp_path):
    with UnderWay.open(tmp_path) as under_way:
        under_way.begin(FIRST)
    assert died_at(tmp_path) is None
    under_way = UnderWay.open(tmp_path)
    under_way.begin(FIRST)
    ended(under_way, OperatorError("L101", "the disk is full"))
    assert died_at(tmp_path) is None


def test_a_row_is_suspected_until_its_score_is_on_file(tmp_path):
    died(tmp_path, SECOND)
    with UnderWay.open(tmp_path) as under_way:
        for place, suspected in ((FIRST, True), (SECOND, False)):
            under_way.begin(place)
            assert under_way.suspects
            under_way.end()
            assert under_way.suspects is suspected


def test_one_that_was_erased_is_suspected_no_more_when_the_log_was_read(tmp_path):
    died(tmp_path, SECOND)
    with UnderWay.open(tmp_path) as under_way:
        under_way.trust()
        assert not under_way.suspects


def test_a_file_that_says_nothing_is_none(tmp_path):
    died(tmp_path, ("w" * 64, 10**9, 10**12))
    assert died_at(tmp_path) == Row(worker="w" * 64, segment=10**9, offset=10**12, times=1)
    (tmp_path / "under-way.json").write_bytes(b"\0" * 256)
    assert died_at(tmp_path) is None
