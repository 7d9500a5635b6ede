"""Many rows through a release at once: the column-wise twin of the live predictor.

Invariants: rules, packed features, coverage, encoder, scorer, answer and post-processing are those
of the live service, so a row gets the same answer to the bit; a row that the live service would
refuse has a reason and no answer, one that it does not cover has no prediction either, unless the
product asks for estimates; one row in, one row out, in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.data.request import RequestSchema
from interlock.errors import InterlockError
from interlock.features.assemble import HistoryProvider, assemble
from interlock.features.definition import FeatureSet
from interlock.features.request import PackedFeatures
from interlock.release.bundle import Bundle
from interlock.release.coverage import Covering, open_covering
from interlock.release.scorers.opening import open_scorer
from interlock.release.scorers.scorer import Scorer
from interlock.serve.contract import AnswerContract
from interlock.serve.errors import ServiceError
from interlock.serve.explanation import Explanation
from interlock.serve.loaded.explainer import Explainer
from interlock.train.answer import Answers, AnswerSpec, answer
from interlock.train.encoder import Encoder
from interlock.train.postprocess import NO_POSTPROCESSING, PostProcessing

NOT_FINITE = "the model gave no finite answer"
AFTER = "post-processing"  # how the reason begins where a function of it failed


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of n rows.

    ``reasons`` has one entry a row, None where it was accepted; ``not_covered`` too, saying of an
    accepted row why the release does not answer for it, "" where it does. ``places`` are the rows
    that have a prediction, in order, and ``answers`` theirs. ``features`` holds request features
    and aggregates by name, one value for each row of ``accepted``.
    """

    reasons: tuple[str | None, ...]
    not_covered: tuple[str, ...]
    accepted: tuple[int, ...]
    places: tuple[int, ...]
    answers: Answers | None
    features: Mapping[str, Sequence[Any]]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """n rows on their way to the model.

    ``reasons`` has one entry a row; ``valid`` numbers the rows that had none to begin with, and
    all else counts in these: ``sound`` those whose features could be made, ``uncovered`` why some
    of them are not covered, ``asked`` those that the model is asked about, ``known`` the columns
    of fields and features, ``made`` the names of the features. ``taken`` is what the model takes,
    None where it is asked about no row.
    """

    reasons: tuple[str | None, ...]
    valid: Sequence[int]
    sound: Sequence[int]
    uncovered: Mapping[int, str]
    asked: Sequence[int]
    known: Mapping[str, Sequence[Any]]
    made: tuple[str, ...]
    taken: Any


@dataclass(frozen=True, kw_only=True)
class Answering:
    """A release's parts.

    ``encoder`` is None for a model that takes the inputs' columns, ``covering`` for a release that
    answers for everything, ``explainer`` for one that cannot explain.
    """

    schema: RequestSchema
    features: FeatureSet
    packed: PackedFeatures
    encoder: Encoder | None
    scorer: Scorer
    spec: AnswerSpec
    postprocessing: PostProcessing = NO_POSTPROCESSING
    covering: Covering | None = None
    explainer: Explainer | None = None

    @classmethod
    def of(cls, bundle: Bundle) -> Answering:
        """The parts of a verified bundle. Raises IntegrityError when they cannot be loaded."""
        schema = RequestSchema.from_row(bundle.json("request.json"))
        features = FeatureSet.from_row(bundle.json("features.json"))
        answered = AnswerContract.from_row(bundle.json("answer.json"))
        encoder = None
        if "encoder.json" in bundle.files:
            encoder = Encoder.from_row(bundle.json("encoder.json"))
        scorer = open_scorer(
            bundle.model_format,
            bundle.read(bundle.model_name),
            n_columns=encoder.n_columns if encoder else None,
            inputs=features.inputs,
        )
        return cls(
            schema=schema,
            features=features,
            packed=PackedFeatures.load(
                bundle.packed,
                features,
                fields=[field.name for field in schema.fields],
                name=f"{bundle.digest}_columns",
            ),
            encoder=encoder,
            scorer=scorer,
            spec=answered.spec,
            postprocessing=PostProcessing.load(
                bundle.packed, answered.postprocess, name=f"{bundle.digest}_columns"
            ),
            covering=open_covering(bundle, name=f"{bundle.digest}_columns"),
            explainer=Explainer.of(
                bundle,
                inputs=[i.name for i in features.inputs],
                encoder=encoder,
                scorer=scorer,
                spec=answered.spec,
            ),
        )

    def answer(
        self,
        columns: Mapping[str, Sequence[Any]],
        reasons: Sequence[str | None],
        *,
        as_of: int | NDArray[np.int64],
        history: HistoryProvider,
    ) -> Outcome:
        """Answer the rows whose request fields are ``columns``, but for those with a reason.

        ``as_of`` (µs UTC; one, or one a row) is when, if the request itself does not say.
        """
        prepared = self.prepare(columns, reasons, as_of=as_of, history=history)
        return self.finish(prepared, self.score(prepared))

    def prepare(
        self,
        columns: Mapping[str, Sequence[Any]],
        reasons: Sequence[str | None],
        *,
        as_of: int | NDArray[np.int64],
        history: HistoryProvider,
    ) -> Prepared:
        """All that comes before the model, as :meth:`answer`."""
        why = list(reasons)
        valid = _without(why)
        kept = {name: _at(values, valid) for name, values in columns.items()}
        moments = np.broadcast_to(np.int64(as_of), len(why))
        instants = self._instants(
            kept, moments if len(valid) == len(why) else moments[np.array(valid, dtype=np.intp)]
        )
        made = assemble(self.features, self.packed, kept, instants, history)
        for failure in reversed(made.failures):
            why[valid[failure.row]] = f"feature {failure.feature}: {failure.message}"
        sound = range(len(valid)) if not made.failures else _without(_at(why, valid))
        known = {**kept, **made.features}
        uncovered = self._not_covered(known, instants, sound)
        asked = [i for i in sound if self._is_asked(uncovered.get(i, ""))] if uncovered else sound
        return Prepared(
            reasons=tuple(why),
            valid=valid,
            sound=sound,
            uncovered=uncovered,
            asked=asked,
            known=known,
            made=tuple(made.features),
            taken=self._model_rows(known, asked),
        )

    def score(self, prepared: Prepared) -> NDArray[np.float64] | None:
        """The model's raw scores of the rows asked about, (n_rows, n_scores); None without any.

        Rows at which a model in its library's own code raises have NaN, and cost no other its
        answer. It runs no code of the product's author.
        """
        return None if prepared.taken is None else self._scores(prepared.taken, len(prepared.asked))

    def _scores(self, taken: Any, n_rows: int) -> NDArray[np.float64]:
        try:
            return self.scorer.raw(taken)
        except (InterlockError, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - a library's own code; alone, the row would be refused
            if n_rows == 1:
                return np.full((1, 1), np.nan)
        half = n_rows // 2
        parts = [
            self._scores(_rows_of(taken, rows), rows.stop - rows.start)
            for rows in (slice(0, half), slice(half, n_rows))
        ]
        width = max(part.shape[1] for part in parts)
        return np.vstack([_as_wide(part, width) for part in parts])

    def finish(self, prepared: Prepared, raw: NDArray[np.float64] | None) -> Outcome:
        """All that comes after the model, given what :meth:`score` said."""
        why, valid, asked = list(prepared.reasons), prepared.valid, prepared.asked
        answers, accepted = None, prepared.sound
        if raw is not None:
            answers, failed = self._finished(raw, prepared.known, asked)
            for i, reason in failed.items():
                why[valid[i]] = reason
            asked = [i for i in asked if i not in failed] if failed else asked
            accepted = [i for i in accepted if i not in failed] if failed else accepted
        limits = [""] * len(why)
        for i, limit in prepared.uncovered.items():
            limits[valid[i]] = "" if why[valid[i]] else limit
        return Outcome(
            reasons=tuple(why),
            not_covered=tuple(limits),
            accepted=tuple(_at(valid, accepted)),
            places=tuple(_at(valid, asked)),
            answers=answers,
            features={n: _at(prepared.known[n], accepted) for n in prepared.made},
        )

    def explain(
        self, columns: Mapping[str, Sequence[Any]], outcome: Outcome
    ) -> tuple[Explanation | None, ...]:
        """One explanation for each of ``outcome.places``; ``columns`` as in :meth:`answer`.

        It is None of a row where the live service has none either (S124, S125): one such row keeps
        no other from its own. Raises ServiceError S129 where the release cannot explain.
        """
        if self.explainer is None:
            raise ServiceError("S129", "the release carries nothing to explain its answers with")
        if not outcome.places:
            return ()
        nth = {row: i for i, row in enumerate(outcome.accepted)}
        known = {name: [values[row] for row in outcome.places] for name, values in columns.items()}
        known |= {
            name: [values[nth[row]] for row in outcome.places]
            for name, values in outcome.features.items()
        }
        rows = self.explainer.exchange.rows({i.name: known[i.name] for i in self.features.inputs})
        return tuple(_explained(self.explainer, row) for row in rows)

    def _finished(
        self,
        raw: NDArray[np.float64],
        known: Mapping[str, Sequence[Any]],
        rows: Sequence[int],
    ) -> tuple[Answers, dict[int, str]]:
        """The answers to the rows that have one, post-processed; the others, and why."""
        asked = {n: _at(known[n], rows) for n in self.postprocessing.arguments}
        if not np.isfinite(raw).any():  # perhaps it raised at every row
            raw = _as_wide(raw, self._fewest)
        answers = answer(raw, self.spec)
        finished, failures = self.postprocessing.many(answers, asked)
        finite = _finite(finished)
        if finished.probabilities is None:  # a price of e^-inf is finite, its logarithm is not
            finite &= np.isfinite(raw).all(axis=1)
        failed = {rows[i]: NOT_FINITE for i in np.flatnonzero(~finite).tolist()}
        failed |= {rows[f.row]: f"{AFTER} {f.feature}: {f.message}" for f in failures}
        return _taken(finished, finite), failed

    @property
    def _fewest(self) -> int:
        """As many scores a row as there need be to make an answer of them."""
        interval = self.spec.interval
        if interval is not None and interval.of == "quantiles":
            return 3
        return 1 if self.spec.link in ("logit", "identity", "log") else len(self.spec.classes)

    def _not_covered(
        self, known: Mapping[str, Sequence[Any]], instants: NDArray[np.int64], rows: Sequence[int]
    ) -> dict[int, str]:
        """Why rows are not covered, by row; those that are covered are left out."""
        if self.covering is None:
            return {}
        columns = {name: _at(known[name], rows) for name in self.covering.names}
        found = self.covering.columns(columns, [int(instants[row]) for row in rows])
        return {row: why for row, why in zip(rows, found, strict=True) if why}

    def _is_asked(self, not_covered: str) -> bool:
        """Whether the model is asked about a row."""
        return not not_covered or (self.covering is not None and self.covering.estimates)

    def _instants(
        self, columns: Mapping[str, Sequence[Any]], as_of: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        if self.schema.asked_at is None:
            return as_of
        moments = columns[self.schema.asked_at.name]
        return np.array([self.schema.instant(moment) for moment in moments], dtype=np.int64)

    def _model_rows(self, known: Mapping[str, Sequence[Any]], rows: Sequence[int]) -> Any:
        """The matrix of these rows, or their columns for a model that takes those."""
        if not rows:
            return None
        inputs = {i.name: _at(known[i.name], rows) for i in self.features.inputs}
        return inputs if self.encoder is None else self.encoder.transform(inputs)


def _rows_of(taken: Any, rows: slice) -> Any:
    """Some rows of what the model takes: of a matrix, or of columns by name."""
    if isinstance(taken, Mapping):
        return {name: column[rows] for name, column in taken.items()}
    return taken[rows]


def _as_wide(raw: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """The scores; of rows that have none, as many NaN as the others have scores."""
    return raw if raw.shape[1] >= width else np.repeat(raw, width, axis=1)


def _explained(explainer: Explainer, row: NDArray[Any]) -> Explanation | None:
    """The explanation, None where the service refuses to give one."""
    try:
        return explainer.explain(row)
    except ServiceError:
        return None


def _without(reasons: Sequence[str | None]) -> Sequence[int]:
    """The rows that have no reason, ascending."""
    if reasons.count(None) == len(reasons):
        return range(len(reasons))
    return [row for row, reason in enumerate(reasons) if reason is None]


def _at(values: Sequence[Any], rows: Sequence[int]) -> Sequence[Any]:
    """The values of these rows, ascending; the very sequence where that is all of them."""
    return values if len(rows) == len(values) else [values[row] for row in rows]


def _finite(answers: Answers) -> NDArray[np.bool_]:
    """Which rows have finite numbers only, (n_rows,)."""
    parts = [v for v in (answers.prediction, answers.low, answers.high) if v is not None]
    found: NDArray[np.bool_] = np.all(
        [np.isfinite(part).reshape(len(part), -1).all(axis=1) for part in parts], axis=0
    )
    return found


def _taken(answers: Answers, chosen: NDArray[np.bool_]) -> Answers:
    def take(values: NDArray[Any] | None) -> Any:
        return None if values is None else values[chosen]

    return Answers(
        value=answers.value[chosen],
        low=take(answers.low),
        high=take(answers.high),
        probabilities=take(answers.probabilities),
    )
