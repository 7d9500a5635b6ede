"""Does the service answer as training did? The same rows over HTTP, compared value by value.

Every row is sent twice, in a list and alone. Features are taken from the prediction log, by the
answer's id, so that the log is proven too; they must be equal to the bit. Predictions must agree
within a relative tolerance, 0 meaning to the bit; a row that is not covered must be said to be so,
for the same reason. Where time is short fewer rows are asked, spread as all are, and how many were
left is counted. A row that is refused, an answer that is not in
the log or lacks a value counts as a difference: nothing is left out in silence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.gates.finding import FEWEST_ROWS
from interlock.pipeline.probes.client import Client, Reply, request_bytes

MAX_ROWS = 1_000
_LIST_ROWS = 250
_LIST_BYTES = 500_000  # a service takes requests of twice that, and more
_SHOWN = 20  # differences described

_PREDICTED = ("prediction", "interval", "probabilities")
_ABSENT = object()

FeatureLog = Callable[[], Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class ParityRows:
    """Rows and what training says about them.

    ``requests`` are field values by name; ``features`` has n_rows values by feature;
    ``predictions`` is (n_rows,) for a regression, (n_rows, n_classes) of probabilities else;
    ``intervals`` is (n_rows, 2) or None. ``not_covered`` says why a row is not covered, "" where it
    is, and is empty where all are; NaN is then the prediction of a row that is given none.
    ``answered`` are the classes that were decided, as JSON has them; it is empty for a regression.
    """

    requests: Sequence[Mapping[str, Any]]
    features: Mapping[str, Sequence[Any]]
    predictions: NDArray[np.float64]
    intervals: NDArray[np.float64] | None = None
    not_covered: Sequence[str] = ()
    answered: Sequence[Any] = ()

    def why(self, row: int) -> str:
        """Why the row is not covered, or ""."""
        return self.not_covered[row] if self.not_covered else ""

    def decided(self, row: int) -> tuple[Any, ...]:
        """The class that was decided, alone; nothing for a regression."""
        return tuple(self.answered[row : row + 1])

    def is_silent(self, row: int) -> bool:
        """Whether no prediction is due."""
        return bool(self.why(row)) and bool(np.isnan(self.predictions[row]).all())


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One value that is not as expected. ``way`` is "list" or "single"."""

    row: int
    way: str
    name: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"row {self.row} ({self.way}): {self.name} due {self.expected}, got {self.got}"


@dataclass(frozen=True, kw_only=True)
class Parity:
    """What the comparison found; the first differences are described.

    ``values`` counts the feature values compared; ``unequal_features`` those that differ and
    ``worst_feature`` by how much at most; ``unequal_predictions`` the answers in which a number
    differs by more than the tolerance and ``worst`` the largest relative difference;
    ``unanswered`` the rows asked for in vain. ``rows`` were asked in both ways;
    ``skipped`` were not, as time was short.
    """

    rows: int
    values: int
    unequal_features: int
    worst_feature: float
    unequal_predictions: int
    worst: float
    unanswered: int
    differences: tuple[Difference, ...]
    skipped: int = 0

    @property
    def equal(self) -> bool:
        """Whether something was compared and nothing differs."""
        faults = self.unequal_features + self.unequal_predictions + self.unanswered
        return self.rows > 0 and faults == 0


@dataclass(frozen=True, kw_only=True)
class _Asked:
    row: int
    way: str
    answer: Mapping[str, Any] | None
    reply: Reply


def spread_rows(n_rows: int, limit: int = MAX_ROWS) -> NDArray[np.intp]:
    """At most ``limit`` row numbers, evenly spread, first and last among them."""
    if n_rows <= limit:
        return np.arange(n_rows)
    return np.unique(np.linspace(0, n_rows - 1, limit).astype(np.intp))


def compare_rows(
    client: Client,
    rows: ParityRows,
    logged: FeatureLog,
    *,
    tolerance: float = 0.0,
    late: Callable[[], bool] = lambda: False,
) -> Parity:
    """Ask for every row in a list and alone, and compare all values of all answers.

    ``logged`` is called when all are answered, and gives the logged features by prediction id. Once
    it is ``late`` no more is asked than it takes to judge by.
    """
    asked = list(_ask(client, rows.requests, late))
    found = logged()
    tally = _Tally(tolerance)
    told = None
    for each in asked:
        if each.answer is None:
            tally.unanswered += 1
            if each.reply is not told:  # one refusal of a list is told once
                tally.differ(each, "the answer", "status 200", each.reply.short)
            told = each.reply
            continue
        features = found.get(str(each.answer.get("id")), {})
        for name, values in rows.features.items():
            tally.feature(each, name, values[each.row], features.get(name, _ABSENT))
        silent = rows.is_silent(each.row)
        if tally.coverage(each, rows.why(each.row), silent=silent) and not silent:
            tally.answer(each, list(_numbers(rows, each.row, each.answer)), rows.decided(each.row))
    both = sum(each.way == "single" for each in asked)
    return tally.result(both, skipped=len(rows.requests) - both)


def _ask(
    client: Client, requests: Sequence[Mapping[str, Any]], late: Callable[[], bool]
) -> Iterator[_Asked]:
    """Each list, spread over all rows, and then its rows alone."""
    widest = max((len(request_bytes(request)) for request in requests), default=1)
    in_list = max(1, min(_LIST_ROWS, _LIST_BYTES // widest))
    lists, alone = math.ceil(len(requests) / in_list), 0
    for first in range(lists):
        places = range(first, len(requests), lists)
        reply = client.predict([requests[row] for row in places])
        answers = _answers(reply, len(places))
        for index, row in enumerate(places):
            answer = answers[index] if answers is not None else None
            yield _Asked(row=row, way="list", answer=answer, reply=reply)
        for row in scattered(places):
            if alone >= FEWEST_ROWS and late():
                return
            reply = client.predict(requests[row])
            (answer,) = _answers(reply, 1) or (None,)
            yield _Asked(row=row, way="single", answer=answer, reply=reply)
            alone += 1


def scattered(places: Sequence[int]) -> list[int]:
    """The same, so that however many come first are spread over all (van der Corput 1935).

    >>> scattered(range(8))
    [0, 4, 2, 6, 1, 5, 3, 7]
    """
    width = len(places).bit_length()
    order = sorted(range(len(places)), key=lambda n: int(f"{n:0{width}b}"[::-1], 2))
    return [places[n] for n in order]


def _answers(reply: Reply, asked: int) -> list[Any] | None:
    """The answers, one a row; None where the reply does not hold them."""
    if reply.status != 200:
        return None
    value = reply.value
    found = value if isinstance(value, list) else [value]
    whole = len(found) == asked and all(isinstance(answer, dict) for answer in found)
    return found if whole else None


class _Tally:
    def __init__(self, tolerance: float) -> None:
        self.tolerance = tolerance
        self.values = 0
        self.unequal_features = 0
        self.worst_feature = 0.0
        self.unequal_predictions = 0
        self.worst = 0.0
        self.unanswered = 0
        self.differences: list[Difference] = []

    def feature(self, asked: _Asked, name: str, expected: Any, got: Any) -> None:
        self.values += 1
        if not same(expected, got):
            self.unequal_features += 1
            self.worst_feature = max(self.worst_feature, _distance(expected, got))
            self.differ(asked, f"feature {name}", expected, got)

    def answer(
        self,
        asked: _Asked,
        numbers: Sequence[tuple[str, float, Any]],
        decided: tuple[Any, ...],
    ) -> None:
        """Every number, and the class that was decided: the same value of the same type."""
        assert asked.answer is not None
        got = asked.answer.get("prediction", _ABSENT)
        wrong = [c for c in decided if type(got) is not type(c) or got != c]
        distances = [relative_difference(expected, got) for _, expected, got in numbers]
        self.worst = max(self.worst, *distances)
        beyond = [n for n, d in zip(numbers, distances, strict=True) if d > self.tolerance]
        self.unequal_predictions += bool(beyond or wrong)
        for name, expected, found in [*beyond, *(("prediction", c, got) for c in wrong)]:
            self.differ(asked, name, expected, found)

    def coverage(self, asked: _Asked, why: str, *, silent: bool) -> bool:
        """Whether it is said to be covered or not, and nothing is predicted where nothing is due.

        A difference counts as one of predictions: a consumer would act on it as on a wrong number.
        """
        assert asked.answer is not None
        said: list[tuple[str, Any, Any]] = [
            ("covered", asked.answer.get("covered"), not why),
            ("not_covered", asked.answer.get("not_covered", ""), why),
        ]
        if silent:
            said += [(name, asked.answer.get(name), None) for name in _PREDICTED]
        wrong = [each for each in said if each[1] != each[2]]
        self.unequal_predictions += bool(wrong)
        for name, got, expected in wrong:
            self.differ(asked, name, expected, got)
        return not wrong

    def differ(self, asked: _Asked, name: str, expected: object, got: object) -> None:
        if len(self.differences) < _SHOWN:
            self.differences.append(
                Difference(
                    row=asked.row,
                    way=asked.way,
                    name=name,
                    expected=_shown(expected),
                    got=_shown(got),
                )
            )

    def result(self, rows: int, *, skipped: int) -> Parity:
        return Parity(
            rows=rows,
            skipped=skipped,
            values=self.values,
            unequal_features=self.unequal_features,
            worst_feature=self.worst_feature,
            unequal_predictions=self.unequal_predictions,
            worst=self.worst,
            unanswered=self.unanswered,
            differences=tuple(self.differences),
        )


def _numbers(
    rows: ParityRows, row: int, answer: Mapping[str, Any]
) -> Iterator[tuple[str, float, Any]]:
    """(name, expected, got) of every number in an answer."""
    expected = rows.predictions[row]
    if rows.predictions.ndim == 1:
        yield "prediction", float(expected), answer.get("prediction", _ABSENT)
    else:
        shares = answer.get("probabilities")
        found = list(shares.items()) if isinstance(shares, dict) else []
        for place, share in enumerate(expected):
            name, got = found[place] if len(found) == len(expected) else (str(place), _ABSENT)
            yield f"probability of {name}", float(share), got
    if rows.intervals is not None:
        interval = answer.get("interval")
        ends = interval if isinstance(interval, dict) else {}
        for place, end in enumerate(("low", "high")):
            yield f"interval {end}", float(rows.intervals[row, place]), ends.get(end, _ABSENT)


def relative_difference(expected: float, got: object) -> float:
    """|got - expected| over |expected|; 0 only for equal bits, infinite for what is no number.

    >>> relative_difference(100.0, 100.0), relative_difference(100.0, 99.0)
    (0.0, 0.01)
    >>> relative_difference(1.0, None)
    inf
    """
    if isinstance(got, bool) or not isinstance(got, int | float):
        return math.inf
    if not (math.isfinite(expected) and math.isfinite(got)):
        return math.inf
    return abs(got - expected) / max(abs(expected), 5e-324)


def _distance(expected: Any, got: Any) -> float:
    """How far apart two unequal values are; infinite unless both are numbers."""
    if isinstance(got, int | float) and isinstance(expected, int | float):
        distance = abs(float(got) - float(expected))
        return distance if distance == distance else math.inf
    return math.inf


def same(expected: Any, got: Any) -> bool:
    """Whether a value from JSON is the expected one: numbers to the bit, NaN and None as null.

    >>> same(np.float64(0.1), 0.1), same(float("nan"), None), same(3.0, 3), same(0.0, -0.0)
    (True, True, True, False)
    """
    expected = getattr(expected, "item", lambda: expected)()
    if isinstance(expected, date):
        return isinstance(got, str) and _same_moment(expected, got)
    if expected is None or expected != expected:
        return got is None
    if isinstance(expected, str):
        return type(got) is str and expected == got
    if not isinstance(got, int | float):
        return False
    return expected == got and math.copysign(1.0, expected) == math.copysign(1.0, got)


def _same_moment(expected: date, got: str) -> bool:
    try:
        return type(expected).fromisoformat(got) == expected
    except (ValueError, TypeError):
        return False


def _shown(value: object) -> str:
    return "nothing" if value is _ABSENT else str(value)[:200]
