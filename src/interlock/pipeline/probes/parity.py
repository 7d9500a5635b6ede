"""Does the service answer as training did? The same rows over HTTP, compared value by value.

Every row is sent twice, in a list and alone. Features must be equal to the bit; predictions within
a relative tolerance, 0 meaning to the bit. A row that is refused, or an answer that lacks a value,
counts as a difference: nothing is left out in silence.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.pipeline.probes.client import Client, Reply

MAX_ROWS = 1_000
_LIST_ROWS = 250
_SHOWN = 20  # differences described

_ABSENT = object()


@dataclass(frozen=True, kw_only=True)
class ParityRows:
    """Rows and what training says about them.

    ``requests`` are field values by name; ``features`` has n_rows values by feature;
    ``predictions`` is (n_rows,) for a regression, (n_rows, n_classes) of probabilities else;
    ``intervals`` is (n_rows, 2) or None.
    """

    requests: Sequence[Mapping[str, Any]]
    features: Mapping[str, Sequence[Any]]
    predictions: NDArray[np.float64]
    intervals: NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One value that is not as expected. ``way`` is "list" or "single"."""

    row: int
    way: str
    name: str
    expected: str
    got: str


@dataclass(frozen=True, kw_only=True)
class Parity:
    """What the comparison found. ``worst`` is the largest relative difference of a prediction."""

    rows: int
    features: int
    values: int
    unequal_features: int
    unequal_predictions: int
    worst: float
    tolerance: float
    differences: tuple[Difference, ...]

    @property
    def equal(self) -> bool:
        """Whether something was compared and no value differs."""
        return self.values > 0 and not self.unequal_features and not self.unequal_predictions


def spread_rows(n_rows: int, limit: int = MAX_ROWS) -> NDArray[np.intp]:
    """At most ``limit`` row numbers, evenly spread, first and last among them."""
    if n_rows <= limit:
        return np.arange(n_rows)
    return np.unique(np.linspace(0, n_rows - 1, limit).astype(np.intp))


def compare_rows(client: Client, rows: ParityRows, *, tolerance: float = 0.0) -> Parity:
    """Ask for every row in a list and alone, and compare all values of all answers."""
    tally = _Tally(tolerance)
    for way, size in (("list", _LIST_ROWS), ("single", 1)):
        for start in range(0, len(rows.requests), size):
            asked = list(rows.requests[start : start + size])
            reply = client.predict(asked if way == "list" else asked[0], explain=True)
            answers = _answers(reply, len(asked))
            for index in range(len(asked)):
                answer = answers[index] if answers is not None else None
                _compare_row(tally, rows, start + index, way, answer, reply)
    return tally.result(len(rows.requests), len(rows.features))


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
        self.features = 0
        self.predictions = 0
        self.worst = 0.0
        self.differences: list[Difference] = []

    def differ(self, row: int, way: str, name: str, expected: object, got: object) -> None:
        if len(self.differences) < _SHOWN:
            self.differences.append(
                Difference(row=row, way=way, name=name, expected=_shown(expected), got=_shown(got))
            )

    def result(self, rows: int, features: int) -> Parity:
        return Parity(
            rows=rows,
            features=features,
            values=self.values,
            unequal_features=self.features,
            unequal_predictions=self.predictions,
            worst=self.worst,
            tolerance=self.tolerance,
            differences=tuple(self.differences),
        )


def _compare_row(
    tally: _Tally, rows: ParityRows, row: int, way: str, answer: Any, reply: Reply
) -> None:
    if answer is None:
        tally.values += 1
        tally.predictions += 1
        tally.worst = math.inf
        tally.differ(row, way, "the answer", "status 200", reply.short)
        return
    given = answer.get("features")
    features = given if isinstance(given, dict) else {}
    for name, expected in _expected_features(rows, row):
        tally.values += 1
        got = features.get(name, _ABSENT)
        if not same(expected, got):
            tally.features += 1
            tally.differ(row, way, name, expected, got)
    for name, wanted, got in _numbers(rows, row, answer):
        tally.values += 1
        distance = relative_difference(wanted, got)
        tally.worst = max(tally.worst, distance)
        if distance > tally.tolerance:
            tally.predictions += 1
            tally.differ(row, way, name, wanted, got)


def _expected_features(rows: ParityRows, row: int) -> Iterator[tuple[str, Any]]:
    for name, values in rows.features.items():
        yield name, values[row]


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
