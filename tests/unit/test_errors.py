"""Errors: what a user reads, the exit codes a script sees, and several mistakes at once."""

import pytest

from interlock.errors import (
    AuthorError,
    BlockedError,
    ExitCode,
    IntegrityError,
    InterlockError,
    Mistake,
    OperatorError,
    StoreError,
    collecting,
)

FIRST = Mistake(code="C101", what="one thing is wrong", where="product.py:3", fix="mend it")
SECOND = Mistake(code="C102", what="another is wrong", expected="a", got="b")


def test_a_mistake_shows_its_known_parts_in_order():
    mistake = Mistake(
        code="D103",
        what="there is no column 'prise'",
        untouched="what is live",
        fix="did you mean 'price'?",
        got="'prise'",
        expected="one of price",
        where="sales.parquet",
    )
    assert str(mistake) == (
        "error[D103]: there is no column 'prise'\n"
        "  where: sales.parquet\n"
        "  expected: one of price\n"
        "  got: 'prise'\n"
        "  fix: did you mean 'price'?\n"
        "  untouched: what is live"
    )


def test_parts_that_are_not_known_take_no_line():
    assert str(Mistake(code="X1", what="it broke")) == "error[X1]: it broke"


def test_an_error_reads_like_its_mistake():
    error = OperatorError("S101", "the port is in use", got="8000", fix="choose another")
    assert str(error) == "error[S101]: the port is in use\n  got: 8000\n  fix: choose another"
    assert error.mistakes == (
        Mistake(code="S101", what="the port is in use", got="8000", fix="choose another"),
    )


def test_all_mistakes_are_reported_at_once_in_order():
    error = AuthorError.of([FIRST, SECOND])
    assert type(error) is AuthorError
    assert error.code == "C101"
    assert error.mistakes == (FIRST, SECOND)
    assert str(error) == (
        "error[C101]: one thing is wrong\n"
        "  where: product.py:3\n"
        "  fix: mend it\n"
        "error[C102]: another is wrong\n"
        "  expected: a\n"
        "  got: b"
    )


def test_an_error_of_no_mistakes_cannot_be_made():
    with pytest.raises(IndexError):
        AuthorError.of([])


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (InterlockError, 1),
        (AuthorError, 2),
        (OperatorError, 2),
        (BlockedError, 3),
        (IntegrityError, 5),
        (StoreError, 1),
    ],
)
def test_each_kind_has_its_exit_code(kind, code):
    assert kind("X1", "it broke").exit_code == code
    assert issubclass(kind, InterlockError)


def test_the_exit_codes_are_those_documented():
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "INTERNAL": 1,
        "USAGE": 2,
        "BLOCKED": 3,
        "APPROVAL_NEEDED": 4,
        "INTEGRITY": 5,
        "ROLLOUT_ABORTED": 6,
        "MONITOR_BREACHED": 7,
        "PENDING": 8,
        "INTERRUPTED": 130,
    }


def test_collecting_goes_on_after_an_error():
    found = []
    with collecting(found):
        raise AuthorError.of([FIRST, SECOND])
    with collecting(found):
        raise StoreError("L101", "gone")
    with collecting(found):
        pass
    assert [m.code for m in found] == ["C101", "C102", "L101"]


def test_collecting_names_a_place_only_where_there_is_none():
    found = []
    with collecting(found, where="split=il.TimeSplit(…)"):
        raise AuthorError.of([FIRST, SECOND])
    assert [m.where for m in found] == ["product.py:3", "split=il.TimeSplit(…)"]


def test_collecting_lets_other_faults_through():
    found = []
    with pytest.raises(ZeroDivisionError), collecting(found):
        raise ZeroDivisionError
    assert found == []
