"""From answers to what is sent and what is logged: one body a request, one record a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from interlock.errors import InterlockError
from interlock.serve.contract import class_name
from interlock.serve.errors import error_body, status_of
from interlock.serve.explanation import Explanation
from interlock.serve.ids import PredictionIds
from interlock.serve.loaded.history import Found
from interlock.serve.loaded.release import LoadedRelease
from interlock.serve.log.record import MAX_KEPT, Phases, Record, record_bytes
from interlock.serve.log.row_records import RowRecord, RowRecords
from interlock.serve.plan import ServePlan
from interlock.train.answer import AnswerOne

MAX_MESSAGE = 500  # characters of a refusal kept in the log
_ENCODER = msgspec.json.Encoder()
_AS_SENT = 4_096  # bytes of a request's body that are kept as they came


class IntervalAnswer(msgspec.Struct, frozen=True, gc=False):
    """A prediction interval, in the prediction's unit."""

    low: float
    high: float
    level: float


class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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


class Reply(msgspec.Struct, frozen=True, gc=False):
    """A status, a body, and the records that must be on file before the body is sent.

    ``id`` is the prediction's, of a list the first; ``release`` and ``arm`` say who answered so
    many ``rows``, ``phases`` how many microseconds each phase took; ``instead`` is why the champion
    did so in the challenger's place, a code, if it did.
    """

    status: int
    body: bytes
    records: list[bytes]
    id: str = ""
    release: str = ""
    arm: str = ""
    rows: int = 0
    phases: Phases | None = None
    instead: str = ""


class Row(msgspec.Struct, gc=False):
    """One row on its way."""

    values: tuple[Any, ...]
    as_of: int
    own: tuple[Any, ...]  # features of the request
    known: tuple[Any, ...]
    found: Found
    not_covered: str
    encoded: Sequence[Any] | None  # None: the model is not asked


class Answered(msgspec.Struct, gc=False):
    """Rows that have their answers, neither logged nor sent yet."""

    body: bytes
    now: int
    is_list: bool
    rows: Sequence[Row]
    answers: list[AnswerOne | None]
    phases: Phases
    explanations: Sequence[Explanation | None]


class Replies:
    """Makes the replies of one release."""

    def __init__(self, release: LoadedRelease, plan: ServePlan, ids: PredictionIds) -> None:
        self._release = release
        self._ids = ids
        self._arm = plan.arm
        self._replay = plan.replay
        self._records = RowRecords(self._shared(200), release.fields, release.names)
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
        records, replies = [], []
        each = zip(answered.rows, answered.answers, answered.explanations, strict=True)
        for number, (row, one, why) in enumerate(each):
            identity = self._ids.next(answered.now)
            place, named = number if answered.is_list else None, self._named(one)
            records.append(self._recorded(answered, row, one, named, why, identity, place))
            replies.append(self._reply(row, one, named, why, identity))
        content = _ENCODER.encode(replies if answered.is_list else replies[0])
        first, label = replies[0].id, self._release.label
        return Reply(200, content, records, first, label, self._arm, len(replies), answered.phases)

    def _reply(
        self,
        row: Row,
        answer: AnswerOne | None,
        named: Any,
        why: Explanation | None,
        identity: str,
    ) -> Answer:
        return Answer(
            prediction=named,
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

    def _recorded(
        self,
        answered: Answered,
        row: Row,
        answer: AnswerOne | None,
        named: Any,
        why: Explanation | None,
        identity: str,
        number: int | None,
    ) -> bytes:
        records, found, body = self._records, row.found, answered.body
        alone = number is None and len(body) <= _AS_SENT
        probabilities = interval = None
        if answer is not None:
            probabilities = answer.probabilities
            if answer.low is not None and answer.high is not None:
                interval = (answer.low, answer.high)
        made = RowRecord(
            identity,
            answered.now,
            row.as_of,
            self._release.entity(row.known),
            body if alone else records.request(row.values),
            records.features(row.own + found.values),
            found.grids,
            named,
            answered.phases,
            probabilities,
            interval,
            row.not_covered,
            why,
            found.degraded,
            number,
        )
        return records.encoded(made)

    def _shared(self, status: int) -> Record:
        """What all records of a status have in common."""
        return Record(
            id="",
            time=0,
            product=self._release.product,
            status=status,
            digest=self._release.digest,
            label=self._release.label,
            assigned=self._arm,
            arm=self._arm,
            replay=self._replay,
        )

    def _refusal(self, error: InterlockError, body: bytes, now: int) -> Record:
        return msgspec.structs.replace(
            self._shared(status_of(error)),
            id=self._ids.next(now),
            time=now,
            request=body[:MAX_KEPT],
            error=error.code,
            message=error.mistakes[0].what[:MAX_MESSAGE],
        )
