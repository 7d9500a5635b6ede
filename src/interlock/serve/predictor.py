"""From request bytes to answer bytes; knows no transport.

One :class:`Predictor` answers with one release, whatever becomes live meanwhile. Order of one
request: decode, request features, history features, encode, score, answer, **log**, reply. What is
not in the log is not answered.

A row that the release does not cover is answered with the reason in place of a prediction, and the
model is not asked; a product that declares ``not_covered="estimate"`` has it asked all the same.

A list is decoded and computed whole before the model is called once; one bad row refuses the list,
naming every bad row.

An explanation is asked for apart from the request's fields, and takes a thousand times as long as
an answer: :meth:`Predictor.explained` computes it in a thread, while others are answered.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from interlock import clock
from interlock.errors import InterlockError
from interlock.features.request import FeatureFailure
from interlock.serve.contract import class_name
from interlock.serve.decode import Decoded
from interlock.serve.errors import FieldMistake, ServiceError, error_body, status_of
from interlock.serve.explainer import MAX_EXPLAINED
from interlock.serve.explanation import Explanation
from interlock.serve.history import Found, HistoryStanding
from interlock.serve.ids import PredictionIds
from interlock.serve.instant import instant_reader
from interlock.serve.loaded import LoadedRelease
from interlock.serve.log import PredictionLog
from interlock.serve.pick import Values
from interlock.serve.plan import ServePlan
from interlock.serve.record import MAX_KEPT, Phases, Record, record_bytes
from interlock.train.answer import AnswerOne
from interlock.train.postprocess import PostprocessFailure

_MICRO = 1e6
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
    """A status, a body, and the records that must be on file before the body is sent."""

    status: int
    body: bytes
    records: list[bytes]


@dataclass(slots=True)
class _Row:
    """One row on its way."""

    values: tuple[Any, ...]
    as_of: int
    features: tuple[Any, ...]
    known: tuple[Any, ...]
    found: Found
    not_covered: str
    encoded: Sequence[Any] | None  # None: the model is not asked


@dataclass(slots=True)
class _Answered:
    """Rows that have their answers, neither logged nor sent yet."""

    now: int
    is_list: bool
    rows: list[_Row]
    answers: list[AnswerOne | None]
    phases: dict[str, float]
    explanations: list[Explanation | None]


class Predictor:
    """Answers requests with one release."""

    def __init__(
        self,
        release: LoadedRelease,
        log: PredictionLog,
        plan: ServePlan,
        ids: PredictionIds,
        now: Callable[[], int] = clock.now,
    ) -> None:
        self.release = release
        self._log = log
        self._ids = ids
        self._now = now
        self._arm = plan.arm
        self._replay = plan.replay
        asked = release.schema.asked_at
        declared = asked.tolerance if asked is not None else None
        tolerance = declared if plan.tolerance is None else plan.tolerance
        self._instant = instant_reader(release.schema, None if plan.replay else tolerance)
        spec = release.contract.answer.spec
        self._level = spec.interval.level if spec.interval else 0.0
        self._classes = spec.classes
        self._class_names = tuple(map(class_name, spec.classes))
        self._unit = release.contract.answer.unit
        self._marked: bool | UnsetType = True if plan.replay else UNSET

    def predict(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer, which by then is in the log."""
        reply = self.prepare(body)
        try:
            self._log.append(reply.records)
        except InterlockError as error:
            return status_of(error), error_body(error)
        return reply.status, reply.body

    def prepare(self, body: bytes, *, explain: bool = False) -> Reply:
        """The answer, which must not be sent before its records are logged."""
        now = self._now()
        try:
            answered = self._answered(body, now, explain=explain)
            if explain:
                self._explain(answered)
            return self._replied(answered)
        except InterlockError as error:
            return self._refused(error, body, now)

    async def explained(self, body: bytes, executor: Executor) -> Reply:
        """As :meth:`prepare`, explained in a thread of ``executor``."""
        now = self._now()
        try:
            answered = self._answered(body, now, explain=True)
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(executor, self._explain, answered)
            return self._replied(answered)
        except InterlockError as error:
            return self._refused(error, body, now)

    def refused(self, error: InterlockError, body: bytes) -> Reply:
        """The refusal of a request that is wrong beside its body."""
        return self._refused(error, body, self._now())

    def crashed(self, body: bytes) -> Reply:
        """What to say, and to log, when answering raised something nobody foresaw."""
        error = ServiceError("S125", "the service failed; its operator can see why")
        record = record_bytes(self._refusal(error, body, self._now()))
        return Reply(status_of(error), error_body(error), [record])

    def _refused(self, error: InterlockError, body: bytes, now: int) -> Reply:
        record = record_bytes(self._refusal(error, body, now))
        return Reply(status_of(error), error_body(error), [record])

    def _answered(self, body: bytes, now: int, *, explain: bool) -> _Answered:
        begun = perf_counter()
        decoded = self.release.decoder.decode(body)
        if explain:
            self._check_explicable(len(decoded.rows))
        phases = {"decode": (perf_counter() - begun) * _MICRO}
        rows = self._rows(decoded, now, phases)
        mark = perf_counter()
        scores = self._scores(rows)
        scored = perf_counter()
        answers = self._answers(scores, rows, is_list=decoded.is_list)
        phases["score"] = (scored - mark) * _MICRO
        phases["answer"] = (perf_counter() - scored) * _MICRO
        nothing: list[Explanation | None] = [None] * len(rows)
        return _Answered(now, decoded.is_list, rows, answers, phases, nothing)

    def _check_explicable(self, n_rows: int) -> None:
        """Raises ServiceError S129 where the release cannot explain, S113 for too many rows."""
        if self.release.explainer is None:
            what = "this release carries no background rows to explain its answers with"
            raise ServiceError("S129", what)
        if n_rows > MAX_EXPLAINED:
            what = f"at most {MAX_EXPLAINED} rows are explained in one request, not {n_rows}"
            raise ServiceError("S113", what)

    def _explain(self, answered: _Answered) -> None:
        """Explain every row that the model was asked about. Raises ServiceError S124, S125."""
        explainer = self.release.explainer
        assert explainer is not None
        begun = perf_counter()
        for number, row in enumerate(answered.rows):
            if row.encoded is not None:
                (encoded,) = explainer.exchange.rows_of([row.encoded])
                answered.explanations[number] = explainer.explain(encoded)
        answered.phases["explain"] = (perf_counter() - begun) * _MICRO

    def _replied(self, answered: _Answered) -> Reply:
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
        return Reply(200, content, records)

    def _scores(self, rows: Sequence[_Row]) -> Sequence[Sequence[float] | None]:
        """Raw scores of every row that the model is asked about, in one call."""
        asked = [row.encoded for row in rows if row.encoded is not None]
        if len(asked) == 1:
            found = [self.release.score_one(asked[0])]
        else:
            found = self.release.score_many(asked) if asked else []
        if len(found) == len(rows):
            return found
        given = iter(found)
        return [None if row.encoded is None else next(given) for row in rows]

    def standing(self) -> HistoryStanding:
        """How old the history features are that it answers with."""
        return self.release.history.standing(self._now())

    def _rows(self, decoded: Decoded, now: int, phases: dict[str, float]) -> list[_Row]:
        """Features and encoding of every row, with one look-up for all.

        Raises ServiceError for all bad rows at once.
        """
        begun = perf_counter()
        computed = self._computed(decoded, now)
        made = perf_counter()
        release = self.release
        found = release.history.rows([(values + own, at) for values, at, own in computed])
        read = perf_counter()
        rows = []
        for (values, as_of, own), history in zip(computed, found, strict=True):
            known = values + own + history.values
            why = release.not_covered(known, as_of)
            encoded = None if why and not release.estimates else release.encode(known)
            rows.append(_Row(values, as_of, own, known, history, why, encoded))
        phases["features"] = (made - begun) * _MICRO
        phases["history"] = (read - made) * _MICRO
        phases["encode"] = (perf_counter() - read) * _MICRO
        return rows

    def _computed(self, decoded: Decoded, now: int) -> list[tuple[Values, int, Values]]:
        """(values, time, request features) of every row. Raises ServiceError for all bad ones."""
        rows: list[tuple[Values, int, Values]] = []
        refused: list[ServiceError] = []
        for number, values in enumerate(decoded.rows):
            try:
                as_of = self._instant(values, now)
                rows.append((values, as_of, self.release.packed.row(values, as_of)))
            except (FeatureFailure, ServiceError) as error:
                refused.append(_row_refusal(error, number if decoded.is_list else None))
        if refused:
            raise _together(refused)
        return rows

    def _answers(
        self, scores: Sequence[Sequence[float] | None], rows: Sequence[_Row], *, is_list: bool
    ) -> list[AnswerOne | None]:
        """What every row is answered; None where the model was not asked.

        Raises ServiceError for all rows that cannot be answered, S124 at once.
        """
        answers: list[AnswerOne | None] = []
        refused: list[ServiceError] = []
        for number, (score, row) in enumerate(zip(scores, rows, strict=True)):
            try:
                answers.append(None if score is None else self._finite(score, row.known))
            except PostprocessFailure as failure:
                refused.append(_after_refusal(failure, number if is_list else None))
        if refused:
            raise _together(refused)
        return answers

    def _finite(self, scores: Sequence[float], known: Values) -> AnswerOne:
        """The answer to a row with these scores. Raises ServiceError S124 unless all is finite."""
        answer = self.release.answer(scores, known)
        numbers = answer.probabilities or (
            *scores,
            answer.value,
            answer.low or 0.0,
            answer.high or 0.0,
        )
        if not all(map(math.isfinite, numbers)):
            raise ServiceError("S124", "the model gave no finite answer")
        return answer

    def _reply(
        self, row: _Row, answer: AnswerOne | None, why: Explanation | None, identity: str
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
            release=self.release.label,
            digest=self.release.digest,
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
        row: _Row,
        answer: AnswerOne | None,
        why: Explanation | None,
        now: int,
        identity: str,
        phases: Phases,
        number: int | None,
    ) -> Record:
        release = self.release
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
            product=self.release.product,
            status=status_of(error),
            digest=self.release.digest,
            label=self.release.label,
            assigned=self._arm,
            arm=self._arm,
            request=body[:MAX_KEPT],
            replay=self._replay,
            error=error.code,
            message=error.mistakes[0].what[:_MAX_MESSAGE],
        )


def _row_refusal(error: FeatureFailure | ServiceError, row: int | None) -> ServiceError:
    """The same refusal, naming the row; a feature's failure names the feature."""
    if isinstance(error, ServiceError):
        named = [msgspec.structs.replace(mistake, row=row) for mistake in error.fields]
        return ServiceError(error.code, error.what, named)
    mistake = FieldMistake(
        row=row, field=error.feature, what="cannot be computed", got=error.message[:_MAX_MESSAGE]
    )
    what = f"the feature {error.feature} cannot be computed from these values"
    return ServiceError("S121", what, [mistake])


def _after_refusal(failure: PostprocessFailure, row: int | None) -> ServiceError:
    mistake = FieldMistake(
        row=row,
        field=failure.function,
        what="cannot be computed",
        got=failure.message[:_MAX_MESSAGE],
    )
    what = f"{failure.function} cannot post-process the answer to these values"
    return ServiceError("S123", what, [mistake])


def _together(refused: Sequence[ServiceError]) -> ServiceError:
    first = refused[0]
    if len(refused) == 1:
        return first
    mistakes = [mistake for error in refused for mistake in error.fields]
    return ServiceError(first.code, f"{len(refused)} rows are refused; {first.what}", mistakes)
