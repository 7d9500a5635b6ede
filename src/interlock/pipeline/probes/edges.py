"""Requests at the edges of what the service accepts, and where the model's answer jumps.

From ordinary requests, one field at a time takes its special values: ends of its range, thresholds
of the model with their neighbours, every category, missing, tiny and huge. What the service must
answer is computed in process, column by column, through the packed path: equal to the bit, or
refused by both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from interlock.data.request import Field, RequestSchema
from interlock.features.assemble import HistoryProvider
from interlock.pipeline.probes.client import Client
from interlock.pipeline.probes.parity import (
    Difference,
    FeatureLog,
    Parity,
    ParityRows,
    compare_rows,
)
from interlock.serve.batch.answering import AFTER, NOT_FINITE, Answering, Outcome
from interlock.serve.loaded.decode import integer_range
from interlock.train.answer import Floats

MAX_EDGES = 400
_REFUSED = (422, "S121")  # a feature cannot be computed
_NO_ANSWER = (500, "S124")  # the model gives no finite number
_UNFINISHED = (422, "S123")  # its answer cannot be post-processed
_REALS = (0.0, -0.0, 5e-324, -5e-324, 1e-300, 1.0, -1.0, 1e15 + 0.3, 1e300, -1e300)
_TEXTS = ("", " ", "never seen before", "Ω≈ç√ 漢字 🏠", 'quo"te\\ back', "x" * 200)
_DAYS = (date(1900, 1, 1), date(2000, 2, 29), date(2100, 12, 31))


@dataclass(frozen=True, kw_only=True)
class Edges:
    """What the edge cases showed: the answered ones compared, those that both refuse counted.

    ``unexpected`` are cases that one side answered and the other refused, or for other reasons.
    """

    cases: int
    compared: Parity
    refused: int
    unexpected: tuple[Difference, ...]

    @property
    def mismatches(self) -> int:
        """Answers and feature values that differ, and cases that only one side refused."""
        compared = self.compared
        return (
            compared.unequal_features
            + compared.unequal_predictions
            + compared.unanswered
            + len(self.unexpected)
        )


def edge_requests(
    schema: RequestSchema,
    ordinary: Sequence[Mapping[str, Any]],
    thresholds: Mapping[str, Sequence[float]],
    *,
    limit: int = MAX_EDGES,
) -> list[dict[str, Any]]:
    """At most ``limit`` valid requests, each an ordinary one with one field at an edge.

    ``thresholds`` are the model's by field name. The time field keeps its value, as a store holds
    history for the moments asked about. Every field gets an equal share of the cases. Where the
    time is all that a request holds, its edges are the ordinary requests' own moments.
    """
    varied = [field for field in schema.fields if not field.asked_at]
    if not varied:
        return _spread([dict(row) for row in ordinary], limit)
    share = max(4, limit // max(1, len(varied)))
    cases: list[dict[str, Any]] = []
    for field in varied:
        values = list(dict.fromkeys(_keyed(v) for v in special_values(field, thresholds)))
        for _, value in _spread(values, share):
            cases.append({**ordinary[len(cases) % len(ordinary)], field.name: value})
    return cases[:limit] if len(varied) * share <= limit else _spread(cases, limit)


def special_values(field: Field, thresholds: Mapping[str, Sequence[float]]) -> Iterator[Any]:
    """The field's edge values, all of which its declaration admits."""
    if field.optional:
        yield None
    around = thresholds.get(field.name, ())
    if field.kind == "float":
        yield from _reals(field, around)
    elif field.kind == "int":
        yield from _whole(field, around)
    elif field.kind == "category":
        yield from field.categories
    elif field.kind == "bool":
        yield from (True, False)
    elif field.kind == "str":
        yield from _TEXTS
    elif field.kind == "date":
        yield from _DAYS
    else:
        yield from (datetime(day.year, day.month, day.day, 1, 2, 3, 4, UTC) for day in _DAYS)


def _reals(field: Field, around: Sequence[float]) -> Iterator[float]:
    low = field.ge if field.gt is None else math.nextafter(field.gt, math.inf)
    high = field.le if field.lt is None else math.nextafter(field.lt, -math.inf)
    ends = [float(end) for end in (low, high) if end is not None]
    for value in (*ends, *_REALS, *around):
        if (low is None or value >= low) and (high is None or value <= high):
            yield float(value)


def _whole(field: Field, around: Sequence[float]) -> Iterator[int]:
    low, high = integer_range(field)
    near = [side for v in around if math.isfinite(v) for side in (math.floor(v), math.ceil(v))]
    for value in (low, low + 1, high - 1, high, 0, 1, -1, *near):
        if low <= value <= high:
            yield value


def _keyed(value: Any) -> tuple[str, Any]:
    """0.0 and -0.0, 1 and True are different cases."""
    return f"{type(value).__name__} {value!r}", value


def _spread(items: list[Any], limit: int) -> list[Any]:
    if len(items) <= limit:
        return items
    return [items[i] for i in np.linspace(0, len(items) - 1, limit).astype(int)]


def expected_answers(
    release: Answering,
    requests: Sequence[Mapping[str, Any]],
    *,
    as_of: int,
    history: HistoryProvider,
) -> Outcome:
    """What the release answers in process, column by column."""
    columns = {f.name: [r.get(f.name) for r in requests] for f in release.schema.fields}
    return release.answer(columns, [None] * len(requests), as_of=as_of, history=history)


def compare_edges(
    client: Client,
    requests: Sequence[Mapping[str, Any]],
    outcome: Outcome,
    logged: FeatureLog,
    *,
    tolerance: float = 0.0,
    classes: Sequence[Any] = (),
) -> Edges:
    """Send the requests and compare with what was computed in process.

    ``classes`` are those of the release, in the order of its probabilities.
    """
    refused = [row for row, reason in enumerate(outcome.reasons) if reason is not None]
    unexpected = []
    for row in refused:
        reply = client.predict(requests[row])
        reason = outcome.reasons[row]
        due = _due(str(reason))
        if (reply.status, reply.error_code) != due:
            expected = f"{due[0]} {due[1]}: {reason}"
            unexpected.append(
                Difference(
                    row=row, way="single", name="the answer", expected=expected, got=reply.short
                )
            )
    return Edges(
        cases=len(requests),
        compared=compare_rows(
            client, _answered(requests, outcome, classes), logged, tolerance=tolerance
        ),
        refused=len(refused) - len(unexpected),
        unexpected=tuple(unexpected),
    )


def _due(reason: str) -> tuple[int, str]:
    """Status and code with which the service must refuse what was refused for that reason."""
    if reason == NOT_FINITE:
        return _NO_ANSWER
    return _UNFINISHED if reason.startswith(AFTER) else _REFUSED


def _answered(
    requests: Sequence[Mapping[str, Any]], outcome: Outcome, classes: Sequence[Any]
) -> ParityRows:
    answers, accepted = outcome.answers, outcome.accepted
    intervals = None
    if answers is not None and answers.low is not None and answers.high is not None:
        intervals = _placed(np.column_stack([answers.low, answers.high]), outcome)
    predictions = np.full(len(accepted), np.nan)
    decided: list[Any] = []
    if answers is not None and classes:
        at = dict(zip(outcome.places, answers.value.tolist(), strict=True))
        decided = [classes[at.get(row, 0)] for row in accepted]  # a row without is not compared
    return ParityRows(
        requests=[requests[row] for row in accepted],
        features=outcome.features,
        predictions=predictions if answers is None else _placed(answers.prediction, outcome),
        intervals=intervals,
        not_covered=[outcome.not_covered[row] for row in accepted],
        answered=decided,
    )


def _placed(values: Floats, outcome: Outcome) -> Floats:
    """One for each accepted row, NaN where it has no prediction."""
    found = np.full((len(outcome.accepted), *values.shape[1:]), np.nan)
    found[np.isin(outcome.accepted, outcome.places)] = values
    return found
