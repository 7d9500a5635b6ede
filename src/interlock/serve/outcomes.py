"""Reading `POST /v1/outcomes`: what became of predictions, one object or a list.

The body is decoded by the rules of every other request (:mod:`interlock.serve.loaded.decode`), then
each outcome is held to what the schema cannot say: the target's own name takes the target's values,
any other name a number, a text or a truth; nothing is observed before it came about, or in the
future. One outcome that is wrong refuses the list, and every mistake is named.

Whether the prediction is known is not asked: it may have been answered by another worker, or have
left this machine. Who reads the log is told.

>>> from interlock.train.answer import AnswerSpec
>>> spec = AnswerSpec(task="binary", link="logistic", classes=(False, True))
>>> answer = AnswerContract(spec=spec, target="late")
>>> late = b'"event_time": "2024-05-31T12:00:00Z"'
>>> body = b'{"prediction_id": "7", "name": "late", "value": 3, ' + late + b"}"
>>> try:
...     OutcomeReader().read(body, answer, now=0)
... except InvalidRequest as refusal:
...     print(refusal.fields[0].what, "|", refusal.fields[0].expected)
is not one of the classes | one of false, true
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from interlock.clock import MINUTE, instant_of
from interlock.data.request import Field, RequestSchema
from interlock.serve.contract import AnswerContract, class_name
from interlock.serve.errors import FieldMistake, InvalidRequest
from interlock.serve.loaded.audit import MAX_LISTED, shown
from interlock.serve.loaded.decode import RequestDecoder
from interlock.serve.log.outcome import Outcome

Values = tuple[Any, ...]
AHEAD = 5 * MINUTE
"""How far ahead of this clock a sender's may be, microseconds."""

OUTCOME = RequestSchema(
    name="Outcome",
    fields=(
        Field(name="prediction_id", kind="str", description="the id that was answered"),
        Field(name="name", kind="str", description="what is told, such as the target's name"),
        Field(name="value", kind="scalar", description="of the target's type for its own name"),
        Field(name="event_time", kind="datetime", description="when it came about"),
        Field(
            name="observed_at",
            kind="datetime",
            optional=True,
            description="when the source knew of it; without it, when the service is told",
        ),
        Field(name="source", kind="str", optional=True, description="who says so"),
        Field(
            name="revision",
            kind="int",
            optional=True,
            ge=0,
            description="0 unless it is said; the highest holds from when it was observed",
        ),
    ),
)


class OutcomeReader:
    """Reads bodies that hold outcomes."""

    def __init__(self, *, max_rows: int = 1_000) -> None:
        self._decoder = RequestDecoder(OUTCOME, max_rows=max_rows)

    def read(
        self, body: bytes, answer: AnswerContract, *, now: int, product: str = ""
    ) -> list[Outcome]:
        """The outcomes, told at ``now`` (µs UTC). Raises ServiceError S110, S111, S113."""
        decoded = self._decoder.decode(body)
        outcomes = [_outcome(row, answer, now, product) for row in decoded.rows]
        mistakes = [
            mistake
            for number, outcome in enumerate(outcomes)
            for mistake in _mistakes(outcome, answer, number if decoded.is_list else None)
        ]
        if mistakes:
            raise InvalidRequest(mistakes[:MAX_LISTED], max(0, len(mistakes) - MAX_LISTED))
        return outcomes


def _outcome(row: Values, answer: AnswerContract, now: int, product: str) -> Outcome:
    prediction, name, value, event_time, observed_at, source, revision = row
    return Outcome(
        prediction=prediction,
        name=name,
        value=_classed(value, answer) if name == answer.target else value,
        event_time=instant_of(event_time),
        observed_at=now if observed_at is None else instant_of(observed_at),
        source=source or "",
        revision=revision or 0,
        time=now,
        product=product,
    )


def _classed(value: Any, answer: AnswerContract) -> Any:
    """The class that a value of JSON names, such as 3 for 3.0; any other value as it is."""
    return next((known for known in answer.spec.classes if _same(value, known)), value)


def _same(value: Any, known: Any) -> bool:
    if isinstance(value, bool) or isinstance(known, bool):
        return value is known
    return bool(value == known)


def _mistakes(outcome: Outcome, answer: AnswerContract, row: int | None) -> Iterator[FieldMistake]:
    for name, value in (("prediction_id", outcome.prediction), ("name", outcome.name)):
        if not value:
            yield FieldMistake(row=row, field=name, what="is empty", expected="some text", got='""')
    if outcome.name == answer.target:
        yield from _value_mistakes(outcome.value, answer.spec.classes, row)
    if outcome.observed_at > outcome.time + AHEAD:
        yield FieldMistake(
            row=row,
            field="observed_at",
            what="is in the future",
            expected="a time that has come",
        )
    if outcome.event_time > outcome.observed_at + AHEAD:
        yield FieldMistake(
            row=row,
            field="event_time",
            what="is after it was observed",
            expected="a time that is not after observed_at, which is now where it is left out",
        )


def _value_mistakes(value: Any, classes: Sequence[Any], row: int | None) -> Iterator[FieldMistake]:
    """What is wrong with a value of the target's own name."""
    if classes:
        right = any(_same(value, known) for known in classes)
        what, expected = "is not one of the classes", ", ".join(map(class_name, classes))
        expected = f"one of {expected}"
    else:
        right, what, expected = isinstance(value, float), "is not a number", "a number"
    if not right:
        yield FieldMistake(row=row, field="value", what=what, expected=expected, got=shown(value))
