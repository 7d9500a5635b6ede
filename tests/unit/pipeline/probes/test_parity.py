import dataclasses
import json
import math
from datetime import UTC, date, datetime

import numpy as np
import pytest

from interlock.errors import OperatorError
from interlock.pipeline.probes.client import Client, Reply, request_bytes
from interlock.pipeline.probes.parity import (
    ParityRows,
    compare_rows,
    relative_difference,
    same,
    spread_rows,
)


class Service:
    """Answers like a service whose prediction is ten times x, unless told otherwise."""

    def __init__(self, **changes):
        self.changes = changes
        self.log = {}

    def predict(self, rows):
        many = isinstance(rows, list)
        answers = [self.answer(row) for row in (rows if many else [rows])]
        return Reply(status=200, body=json.dumps(answers if many else answers[0]).encode())

    def answer(self, row):
        identity = str(len(self.log))
        self.log[identity] = {"twice": 2 * row["x"]}
        return {"id": identity, "prediction": 10.0 * row["x"], "covered": True} | self.changes

    def logged(self):
        return self.log


def rows(n=3):
    return ParityRows(
        requests=[{"x": i} for i in range(1, n + 1)],
        features={"twice": [2 * i for i in range(1, n + 1)]},
        predictions=np.array([10.0 * i for i in range(1, n + 1)]),
    )


def test_equal_answers_are_equal():
    service = Service()
    found = compare_rows(service, rows(), service.logged)
    assert found.equal
    assert (found.rows, found.values, found.worst) == (3, 6, 0.0)


def asked_alone(n, late_after):
    """Of a service that takes a second for a row: what was compared, and the rows asked alone."""
    service, alone = Service(), []
    real = service.predict

    def predict(rows):
        if not isinstance(rows, list):
            alone.append(rows["x"])
        return real(rows)

    service.predict = predict
    late = lambda: len(alone) >= late_after  # noqa: E731
    return compare_rows(service, rows(n), service.logged, late=late), alone


@pytest.mark.parametrize(
    ("n", "late_after", "asked"), [(600, 1_000, 600), (600, 0, 100), (600, 310, 310), (40, 0, 40)]
)
def test_where_time_is_short_fewer_rows_are_asked_spread_and_said(n, late_after, asked):
    found, alone = asked_alone(n, late_after)
    assert (found.rows, found.skipped, len(set(alone))) == (asked, n - asked, asked)
    assert found.equal
    assert np.histogram(alone, bins=4, range=(1, n))[0].min() >= asked // 4 - 5


def test_no_rows_are_not_equal():
    service = Service()
    assert not compare_rows(service, rows(0), service.logged).equal


@pytest.mark.parametrize("got", [None, "10", True, math.nan, math.inf, 10.000000001, []])
def test_what_is_not_the_number_is_a_difference(got):
    service = Service(prediction=got)
    found = compare_rows(service, rows(1), service.logged)
    assert found.unequal_predictions == 2
    assert not found.equal


def test_an_answer_that_is_not_in_the_log_is_a_difference():
    found = compare_rows(Service(), rows(1), dict)
    assert found.unequal_features == 2
    assert found.worst_feature == math.inf
    assert str(found.differences[0]) == "row 0 (list): feature twice due 2, got nothing"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=0),
        Reply(status=200, body=b"[]"),
        Reply(status=200, body=b"not json"),
        Reply(status=500, body=b"{}"),
    ],
)
def test_what_is_no_answer_is_unanswered(reply):
    service = Service()
    service.predict = lambda rows: reply
    found = compare_rows(service, rows(2), service.logged)
    assert found.unanswered == 4
    assert not found.equal


def test_probabilities_and_intervals_are_compared():
    classes = Service(probabilities={"a": 0.25, "b": 0.75})
    wanted = ParityRows(requests=[{"x": 1}], features={}, predictions=np.array([[0.25, 0.75]]))
    assert compare_rows(classes, wanted, classes.logged).equal
    swapped = ParityRows(requests=[{"x": 1}], features={}, predictions=np.array([[0.75, 0.25]]))
    assert not compare_rows(classes, swapped, classes.logged).equal
    ranged = Service(interval={"low": 9.0, "high": 11.5})
    wanted = ParityRows(
        requests=[{"x": 1}],
        features={},
        predictions=np.array([10.0]),
        intervals=np.array([[9.0, 11.0]]),
    )
    found = compare_rows(ranged, wanted, ranged.logged)
    assert str(found.differences[0]) == "row 0 (list): interval high due 11.0, got 11.5"


@pytest.mark.parametrize(
    ("said", "due", "equal"),
    [
        (True, True, True),
        (False, True, False),
        (1, True, False),
        ("late", "late", True),
        (None, "late", False),
    ],
)
def test_the_class_that_was_decided_is_compared(said, due, equal):
    classes = Service(probabilities={"a": 0.25, "b": 0.75}, prediction=said)
    wanted = ParityRows(
        requests=[{"x": 1}],
        features={},
        predictions=np.array([[0.25, 0.75]]),
        answered=[due],
    )
    found = compare_rows(classes, wanted, classes.logged)
    assert found.equal == equal
    assert found.unequal_predictions == (0 if equal else 2)
    if not equal:
        assert str(found.differences[0]) == f"row 0 (list): prediction due {due}, got {said}"


def test_a_row_that_is_not_covered_must_be_said_to_be_so_and_get_nothing():
    silent = {"prediction": None, "interval": None, "covered": False, "not_covered": "too few"}
    wanted = ParityRows(
        requests=[{"x": 1}],
        features={},
        predictions=np.array([math.nan]),
        not_covered=["too few"],
    )
    service = Service(**silent)
    assert compare_rows(service, wanted, service.logged).equal
    for change, difference in (
        ({"covered": True}, "covered due False, got True"),
        ({"not_covered": "rare"}, "not_covered due too few, got rare"),
        ({"prediction": 10.0}, "prediction due None, got 10.0"),
        ({"interval": {}}, "interval due None, got {}"),
    ):
        service = Service(**(silent | change))
        found = compare_rows(service, wanted, service.logged)
        assert str(found.differences[0]) == f"row 0 (list): {difference}"
        assert (found.unequal_predictions, found.equal) == (2, False)
    service = Service(covered=False, not_covered="too few")
    estimated = dataclasses.replace(wanted, predictions=np.array([10.0]))
    assert compare_rows(service, estimated, service.logged).equal


def test_a_covered_row_must_not_be_said_to_be_otherwise():
    service = Service(covered=False, not_covered="too few")
    found = compare_rows(service, rows(1), service.logged)
    assert found.unequal_predictions == 2


def test_values_are_the_same_to_the_bit_and_in_kind():
    assert same(date(1997, 1, 2), "1997-01-02")
    assert same(datetime(1997, 1, 2, tzinfo=UTC), "1997-01-02T00:00:00Z")
    assert same(np.int64(3), 3)
    assert same(None, None)
    for expected, got in ((0.1, 0.1 + 1e-17 + 2e-17), (1, "1"), ("1", 1), (None, 0), (1.0, None)):
        assert same(expected, got) is (expected == got and type(expected) is type(got))
    assert not same(date(1997, 1, 2), "yesterday")


def test_relative_difference_never_forgives_what_is_no_number():
    assert relative_difference(0.0, 0.0) == 0.0
    assert relative_difference(0.0, 1e-300) > 1
    assert relative_difference(math.nan, math.nan) == math.inf


def test_rows_are_spread_evenly():
    assert spread_rows(5).tolist() == [0, 1, 2, 3, 4]
    spread = spread_rows(10_000)
    assert (len(spread), spread[0], spread[-1]) == (1_000, 0, 9_999)


def test_floats_and_dates_survive_the_wire():
    row = {"x": 0.1 + 0.2, "on": date(1997, 1, 2), "n": np.int64(3), "none": None}
    found = json.loads(request_bytes(row))
    assert found == {"x": 0.30000000000000004, "on": "1997-01-02", "n": 3, "none": None}
    with pytest.raises(ValueError, match="JSON compliant"):
        request_bytes({"x": math.nan})


@pytest.mark.parametrize("url", ["", "127.0.0.1:80", "file:///etc/passwd", "http://", "http://h:x"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(OperatorError) as caught:
        Client(url)
    assert str(caught.value) == (
        "error[V150]: the service's address cannot be used\n"
        "  expected: a base URL such as http://127.0.0.1:8080\n"
        f"  got: {url!r}\n"
        "  fix: correct the address"
    )
