"""From request bytes to answer bytes; knows no transport.

One :class:`Predictor` answers with one release, whatever becomes live meanwhile. Order of one
request: decode, request features, history features, encode, score, answer, **log**, reply. What is
not in the log is not answered.

A row that the release does not cover is answered with the reason in place of a prediction, and the
model is not asked; a product that declares ``not_covered="estimate"`` has it asked all the same.

A list is decoded and computed whole before the model is called once; one bad row refuses the list,
naming every bad row. Several requests may be answered together (:meth:`Predictor.prepare_all`): one
look-up and one call of the model for all, each answered as if it had come alone.

An explanation is asked for apart from the request's fields, and takes a thousand times as long as
an answer: :meth:`Predictor.explained` computes it in a thread, while others are answered, and waits
no longer than its time for it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import TypeVar

import msgspec

from interlock import clock
from interlock.errors import InterlockError
from interlock.features.result import FeatureFailure
from interlock.serve.errors import FieldMistake, ServiceError, error_body, status_of
from interlock.serve.ids import PredictionIds
from interlock.serve.loaded.decode import Decoded
from interlock.serve.loaded.explainer import EXPLAIN_SECONDS, MAX_EXPLAINED
from interlock.serve.loaded.history import Found, HistoryStanding
from interlock.serve.loaded.instant import instant_reader
from interlock.serve.loaded.pick import Values
from interlock.serve.loaded.release import LoadedRelease
from interlock.serve.log.prediction_log import PredictionLog
from interlock.serve.log.record import Phases
from interlock.serve.own_thread import Late, OwnThread
from interlock.serve.plan import ServePlan
from interlock.serve.replies import MAX_MESSAGE, Answered, Replies, Reply, Row
from interlock.train.answer import AnswerOne
from interlock.train.postprocess import PostprocessFailure

_MICRO = 1e6


class _Asked(msgspec.Struct, gc=False):
    """One request under way: its rows once they are looked up, their scores once they are known.

    ``computed`` holds (values, time, request features) of every row; seconds by phase. ``plain``
    are the answers before post-processing; like scores, None where the model was not asked.
    """

    body: bytes
    now: int
    is_list: bool
    computed: list[tuple[Values, int, Values]]
    decode: float
    features: float
    shared: _Shared | None = None
    rows: Sequence[Row] = ()
    scores: Sequence[Sequence[float] | None] = ()
    plain: Sequence[AnswerOne | None] = ()


class _Shared(msgspec.Struct, gc=False):
    """A request's part of the seconds that requests spend together."""

    history: float
    encode: float
    score: float
    answer: float


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
        self._replies = Replies(release, plan, ids)
        self._now = now
        asked = release.schema.asked_at
        declared = asked.tolerance if asked is not None else None
        tolerance = declared if plan.tolerance is None else plan.tolerance
        self._instant = instant_reader(release.schema, None if plan.replay else tolerance)

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
            return self._replies.replied(answered)
        except InterlockError as error:
            return self._replies.refused(error, body, now)

    def prepare_all(self, bodies: Sequence[bytes]) -> list[Reply]:
        """As :meth:`prepare` for each; where answering together fails, each is answered alone."""
        now = self._now()
        begun: list[_Asked | Reply] = []
        for body in bodies:
            try:
                begun.append(self._begin(body, now))
            except InterlockError as error:
                begun.append(self._replies.refused(error, body, now))
        together = [one for one in begun if isinstance(one, _Asked)]
        try:
            self._ask(together)
        except InterlockError:
            return [self.prepare(one.body) if isinstance(one, _Asked) else one for one in begun]
        return [self._concluded(one) if isinstance(one, _Asked) else one for one in begun]

    def _concluded(self, asked: _Asked) -> Reply:
        try:
            return self._replies.replied(self._finished(asked))
        except InterlockError as error:
            return self._replies.refused(error, asked.body, asked.now)

    def answered(self, body: bytes) -> Answered | Reply:
        """The answer to a request, to be explained; its refusal where there is none."""
        now = self._now()
        try:
            return self._answered(body, now, explain=True)
        except InterlockError as error:
            return self._replies.refused(error, body, now)

    async def explained(self, answered: Answered | Reply, thread: OwnThread) -> Reply:
        """As :meth:`prepare`, of what was answered, explained in that thread."""
        if isinstance(answered, Reply):
            return answered
        try:
            await self._explained(answered, thread)
            return self._replies.replied(answered)
        except InterlockError as error:
            return self._replies.refused(error, answered.body, answered.now)

    async def _explained(self, answered: Answered, thread: OwnThread) -> None:
        """Raises ServiceError S144 where the explanation does not come in its time."""
        try:
            await thread.run(partial(self._explain, answered), EXPLAIN_SECONDS)
        except Late as late:
            if late.where:
                told = "an explanation does not come; none other is begun until it does. It is at"
                print(f"{told}\n{late.where}", file=sys.stderr, flush=True)
            what = "the answer was not explained in time; try again"
            raise ServiceError("S144", what) from None

    def refused(self, error: InterlockError, body: bytes) -> Reply:
        """The refusal of a request that is wrong beside its body."""
        return self._replies.refused(error, body, self._now())

    def crashed(self, body: bytes) -> Reply:
        """What to say, and to log, when answering raised something nobody foresaw."""
        error = ServiceError("S125", "the service failed; its operator can see why")
        return self._replies.refused(error, body, self._now())

    def _answered(self, body: bytes, now: int, *, explain: bool) -> Answered:
        asked = self._begin(body, now)
        if explain:
            self._check_explicable(len(asked.computed))
        self._ask([asked])
        return self._finished(asked)

    def _begin(self, body: bytes, now: int) -> _Asked:
        """Decode a request and compute its features. Raises ServiceError for all that is wrong."""
        begun = perf_counter()
        decoded = self.release.decoder.decode(body)
        read = perf_counter()
        computed = self._computed(decoded, now)
        return _Asked(body, now, decoded.is_list, computed, read - begun, perf_counter() - read)

    def _ask(self, requests: Sequence[_Asked]) -> None:
        """One look-up and one call of the model for the rows of all; each has its part of the time.

        Raises ServiceError where the store or the model fails.
        """
        if not requests:
            return
        begun = perf_counter()
        computed = [row for asked in requests for row in asked.computed]
        release = self.release
        found = release.history.rows([(values + own, at) for values, at, own in computed])
        read = perf_counter()
        rows = [self._row(*each, history) for each, history in zip(computed, found, strict=True)]
        made = perf_counter()
        found_scores = self._scores(rows)
        scored = perf_counter()
        plain = _placed(release.answer_few(found_scores), rows)
        n = len(requests)
        shared = _Shared(
            (read - begun) / n,
            (made - read) / n,
            (scored - made) / n,
            (perf_counter() - scored) / n,
        )
        scores = _placed(found_scores, rows)
        start = 0
        for asked in requests:
            stop = start + len(asked.computed)
            asked.rows, asked.scores, asked.plain = (
                rows[start:stop],
                scores[start:stop],
                plain[start:stop],
            )
            asked.shared = shared
            start = stop

    def _finished(self, asked: _Asked) -> Answered:
        """The answers to a request's rows. Raises ServiceError where one cannot be given."""
        begun = perf_counter()
        answers = self._answers(asked)
        shared = asked.shared
        assert shared is not None  # _ask was
        phases = Phases(
            decode=asked.decode * _MICRO,
            features=asked.features * _MICRO,
            history=shared.history * _MICRO,
            encode=shared.encode * _MICRO,
            score=shared.score * _MICRO,
            answer=(shared.answer + perf_counter() - begun) * _MICRO,
        )
        nothing = [None] * len(answers)
        return Answered(asked.body, asked.now, asked.is_list, asked.rows, answers, phases, nothing)

    def _check_explicable(self, n_rows: int) -> None:
        """Raises ServiceError S129 where the release cannot explain, S113 for too many rows."""
        if self.release.explainer is None:
            what = "this release carries no background rows to explain its answers with"
            raise ServiceError("S129", what)
        if n_rows > MAX_EXPLAINED:
            what = f"at most {MAX_EXPLAINED} rows are explained in one request, not {n_rows}"
            raise ServiceError("S113", what)

    def _explain(self, answered: Answered) -> None:
        """Explain every row that the model was asked about. Raises ServiceError S124, S125."""
        explainer = self.release.explainer
        assert explainer is not None
        begun = perf_counter()
        answered.explanations = [
            None
            if row.encoded is None
            else explainer.explain(*explainer.exchange.rows_of([row.encoded]))
            for row in answered.rows
        ]
        spent = (perf_counter() - begun) * _MICRO
        answered.phases = msgspec.structs.replace(answered.phases, explain=spent)

    def _scores(self, rows: Sequence[Row]) -> list[list[float]]:
        """Raw scores of every row that the model is asked about, in one call."""
        asked = [row.encoded for row in rows if row.encoded is not None]
        if len(asked) == 1:
            return [self.release.score_one(asked[0])]
        return self.release.score_many(asked) if asked else []

    def standing(self) -> HistoryStanding:
        """How old the history features are that it answers with."""
        return self.release.history.standing(self._now())

    def _row(self, values: Values, as_of: int, own: Values, history: Found) -> Row:
        release = self.release
        known = values + own + history.values
        why = release.not_covered(known, as_of)
        encoded = None if why and not release.estimates else release.encode(known)
        return Row(values, as_of, own, known, history, why, encoded)

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

    def _answers(self, asked: _Asked) -> list[AnswerOne | None]:
        """What every row is answered; None where the model was not asked.

        Raises ServiceError for all rows that cannot be answered, S124 at once.
        """
        answers: list[AnswerOne | None] = []
        refused: list[ServiceError] = []
        each = zip(asked.plain, asked.scores, asked.rows, strict=True)
        for number, (plain, scores, row) in enumerate(each):
            if plain is None or scores is None:
                answers.append(None)
                continue
            try:
                answer = self.release.postprocessed(plain, row.known)
            except PostprocessFailure as failure:
                refused.append(_after_refusal(failure, number if asked.is_list else None))
                continue
            if not _is_finite(scores, answer):
                raise ServiceError("S124", "the model gave no finite answer")
            answers.append(answer)
        if refused:
            raise _together(refused)
        return answers


_Placed = TypeVar("_Placed")


def _placed(given: list[_Placed], rows: Sequence[Row]) -> Sequence[_Placed | None]:
    """What rows that the model was asked about were given, by row; None for the others."""
    if len(given) == len(rows):
        return given
    left = iter(given)
    return [None if row.encoded is None else next(left) for row in rows]


def _is_finite(scores: Sequence[float], answer: AnswerOne) -> bool:
    """Whether everything is finite that an answer says, and that it was made of."""
    if answer.probabilities is not None:
        return all(map(math.isfinite, answer.probabilities))
    numbers = (*scores, answer.value, answer.low or 0.0, answer.high or 0.0)
    return all(map(math.isfinite, numbers))


def _row_refusal(error: FeatureFailure | ServiceError, row: int | None) -> ServiceError:
    """The same refusal, naming the row; a feature's failure names the feature."""
    if isinstance(error, ServiceError):
        named = [msgspec.structs.replace(mistake, row=row) for mistake in error.fields]
        return ServiceError(error.code, error.what, named)
    mistake = FieldMistake(
        row=row, field=error.feature, what="cannot be computed", got=error.message[:MAX_MESSAGE]
    )
    what = f"the feature {error.feature} cannot be computed from these values"
    return ServiceError("S121", what, [mistake])


def _after_refusal(failure: PostprocessFailure, row: int | None) -> ServiceError:
    mistake = FieldMistake(
        row=row,
        field=failure.function,
        what="cannot be computed",
        got=failure.message[:MAX_MESSAGE],
    )
    what = f"{failure.function} cannot post-process the answer to these values"
    return ServiceError("S123", what, [mistake])


def _together(refused: Sequence[ServiceError]) -> ServiceError:
    first = refused[0]
    if len(refused) == 1:
        return first
    mistakes = [mistake for error in refused for mistake in error.fields]
    return ServiceError(first.code, f"{len(refused)} rows are refused; {first.what}", mistakes)
