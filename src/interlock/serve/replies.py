"""From answers to what is sent and what is logged: one body a request, one record a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from interlock.errors import InterlockError
from interlock.serve.contract import class_name
from interlock.serve.errors import error_body, status_of
from interlock.serve.explanation import Explanation
from interlock.serve.history import Found
from interlock.serve.ids import PredictionIds
from interlock.serve.loaded import LoadedRelease
from interlock.serve.plan import ServePlan
from interlock.serve.record import MAX_KEPT, Phases, Record, record_bytes
from interlock.train.answer import AnswerOne

_MAX_MESSAGE = 500  # characters of a refusal kept in the log
_ENCODER = msgspec.json.Encoder()


class IntervalAnswer(msgspec.Struct, frozen=True):
    """A prediction interval, in the prediction's unit."""

    low: float
    high: float
    level: float


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a consumer gets for one row.

    Where ``covered`` is false, ``not_covered`` says why; ``prediction`` and ``interval`` are then
    null and ``probabilities`` absent, unless the product asks for estimates.
    """

    prediction: Any
    probabilities: dict[str, float] | UnsetType = UNSET
    interval: IntervalAnswer | None
    unit: str
    covered: bool
    not_covered: str | UnsetType = UNSET
    release: str
    digest: str
    arm: str
    id: str
    explanation: Explanation | UnsetType = UNSET
    degraded: bool | UnsetType = UNSET
    replay: bool | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, a body, and the records that must be on file before the body is sent.

    ``id`` is the prediction's, of a list the first; ``release`` and ``arm`` say who answered.
    """

    status: int
    body: bytes
    records: list[bytes]
    id: str = ""
    release: str = ""
    arm: str = ""


@dataclass(slots=True)
class Row:
    """One row on its way."""

    values: tuple[Any, ...]
    as_of: int
    features: tuple[Any, ...]
    known: tuple[Any, ...]
    found: Found
    not_covered: str
    encoded: Sequence[Any] | None  # None: the model is not asked


@dataclass(slots=True)
class Answered:
    """Rows that have their answers, neither logged nor sent yet."""

    now: int
    is_list: bool
    rows: Sequence[Row]
    answers: list[AnswerOne | None]
    phases: dict[str, float]
    explanations: list[Explanation | None]


class Replies:
    """Makes the replies of one release."""

    def __init__(self, release: LoadedRelease, plan: ServePlan, ids: PredictionIds) -> None:
        self._release = release
        self._ids = ids
        self._arm = plan.arm
        self._replay = plan.replay
        spec = release.contract.answer.spec
        self._level = spec.interval.level if spec.interval else 0.0
        self._classes = spec.classes
        self._class_names = tuple(map(class_name, spec.classes))
        self._unit = release.contract.answer.unit
        self._marked: bool | UnsetType = True if plan.replay else UNSET

    def refused(self, error: InterlockError, body: bytes, now: int) -> Reply:
        """The refusal of a request, and its record."""
        refusal = self._refusal(error, body, now)
        label, records = self._release.label, [record_bytes(refusal)]
        return Reply(status_of(error), error_body(error), records, refusal.id, label, self._arm)

    def replied(self, answered: Answered) -> Reply:
        """The records to log, and the body to send."""
        spent, records, replies = Phases(**answered.phases), [], []
        each = zip(answered.rows, answered.answers, answered.explanations, strict=True)
        for number, (row, one, why) in enumerate(each):
            identity = self._ids.next(answered.now)
            place = number if answered.is_list else None
            record = self._record(row, one, why, answered.now, identity, spent, place)
            records.append(record_bytes(record))
            replies.append(self._reply(row, one, why, identity))
        content = _ENCODER.encode(replies if answered.is_list else replies[0])
        return Reply(200, content, records, replies[0].id, self._release.label, self._arm)

    def _reply(
        self, row: Row, answer: AnswerOne | None, why: Explanation | None, identity: str
    ) -> Answer:
        return Answer(
            prediction=self._named(answer),
            probabilities=UNSET
            if answer is None or answer.probabilities is None
            else dict(zip(self._class_names, answer.probabilities, strict=True)),
            interval=None
            if answer is None or answer.low is None or answer.high is None
            else IntervalAnswer(answer.low, answer.high, self._level),
            unit=self._unit,
            covered=not row.not_covered,
            not_covered=row.not_covered or UNSET,
            release=self._release.label,
            digest=self._release.digest,
            arm=self._arm,
            id=identity,
            explanation=why or UNSET,
            degraded=True if row.found.degraded else UNSET,
            replay=self._marked,
        )

    def _named(self, answer: AnswerOne | None) -> Any:
        if answer is None:
            return None
        if answer.probabilities is None:
            return answer.value
        return self._classes[int(answer.value)]

    def _record(
        self,
        row: Row,
        answer: AnswerOne | None,
        why: Explanation | None,
        now: int,
        identity: str,
        phases: Phases,
        number: int | None,
    ) -> Record:
        release = self._release
        return Record(
            id=identity,
            time=now,
            product=release.product,
            status=200,
            digest=release.digest,
            label=release.label,
            assigned=self._arm,
            arm=self._arm,
            as_of=row.as_of,
            entity=release.entity(row.known),
            request=_ENCODER.encode(dict(zip(release.fields, row.values, strict=True))),
            features=dict(zip(release.names, row.features + row.found.values, strict=True)),
            grid=row.found.grids,
            prediction=self._named(answer),
            probabilities=None if answer is None else answer.probabilities,
            interval=None
            if answer is None or answer.low is None or answer.high is None
            else (answer.low, answer.high),
            not_covered=row.not_covered,
            explanation=why,
            degraded=row.found.degraded,
            replay=self._replay,
            row=number,
            phases=phases,
        )

    def _refusal(self, error: InterlockError, body: bytes, now: int) -> Record:
        return Record(
            id=self._ids.next(now),
            time=now,
            product=self._release.product,
            status=status_of(error),
            digest=self._release.digest,
            label=self._release.label,
            assigned=self._arm,
            arm=self._arm,
            request=body[:MAX_KEPT],
            replay=self._replay,
            error=error.code,
            message=error.mistakes[0].what[:_MAX_MESSAGE],
        )
