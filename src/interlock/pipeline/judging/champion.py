"""The champion on today's test rows: its own bundle, its own feature code, today's snapshots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from interlock.data.request import RequestSchema
from interlock.data.snapshot import Taken
from interlock.data.validation import validate_columns
from interlock.errors import InterlockError, first_line
from interlock.evaluate.predicted import Predicted
from interlock.features.assemble import arrow_type, as_of, history_rows
from interlock.pipeline.judging.champion_score import ChampionScore, Unseen, unseen
from interlock.pipeline.judging.misfit import Today, misfit
from interlock.release.bundle import Bundle
from interlock.serve.batch.answering import Answering
from interlock.serve.contract import AnswerContract
from interlock.train.answer import Answers

Columns = Mapping[str, Any]
NOT_COVERED, REFUSED = "not covered by it", "refused by it"
_OTHER_COLUMNS = "F123"  # a history's column is gone or of another type


def score_champion(
    champion: Bundle,
    requests: Columns,
    instants: np.ndarray[Any, Any],
    taken: Mapping[str, Taken],
    *,
    today: Today,
    split: Mapping[str, Any],
) -> ChampionScore:
    """Score rows given as request columns; ``instants`` (n_rows,) µs.

    ``split`` is that of today's rows: :func:`interlock.pipeline.rows.dividing.split_identity`.
    """
    try:
        release = Answering.of(champion)
        contract = AnswerContract.from_row(champion.json("answer.json"))
        reason = misfit(release, contract, today, taken)
        if reason:
            return _no_score(instants, reason, unfit=True)
        columns = {
            f.name: requests.get(f.name, [None] * len(instants)) for f in release.schema.fields
        }
        rows = {
            h.name: history_rows(h, release.packed, taken[h.source].revisions)
            for h in release.features.histories
        }
        outcome = release.answer(
            columns, _refusals(release.schema, columns), as_of=instants, history=as_of(rows)
        )
    except pa.ArrowInvalid as error:
        reason = f"a column that its histories read is of another type now: {first_line(error)}"
        return _no_score(instants, reason, unfit=True)
    except InterlockError as error:
        return _no_score(instants, first_line(error), unfit=error.code == _OTHER_COLUMNS)
    if outcome.answers is None:
        return _no_score(instants, "it answered no row")
    new = unseen(champion.json("candidate.json"), instants, split)
    return _score(outcome.answers, list(outcome.places), outcome.not_covered, new)


def _no_score(instants: np.ndarray[Any, Any], reason: str, *, unfit: bool = False) -> ChampionScore:
    """None of the rows, and why."""
    none = np.zeros(len(instants), dtype=bool)
    return ChampionScore(prediction=None, comparable=none, reason=reason, unfit=unfit)


def _score(
    answers: Answers, places: list[int], not_covered: Sequence[str], new: Unseen
) -> ChampionScore:
    """The answers, each at its place; only to rows that it covers and never saw do they count."""
    n_rows = len(new.rows)
    answered = np.zeros(n_rows, dtype=bool)
    answered[places] = True
    uncovered = np.array([bool(why) for why in not_covered], dtype=bool)
    left_out = {
        NOT_COVERED: int((new.rows & uncovered).sum()),
        REFUSED: int((new.rows & ~uncovered & ~answered).sum()),
    }
    return ChampionScore(
        prediction=_spread(answers, places, n_rows),
        comparable=answered & ~uncovered & new.rows,
        reason=new.why,
        left_out={why: n for why, n in left_out.items() if n},
        not_covered=frozenset(np.flatnonzero(uncovered).tolist()),
    )


def _refusals(schema: RequestSchema, columns: Columns) -> tuple[str | None, ...]:
    """Why it would refuse each row, by the rules of its own request; None where it would not."""
    table = {f.name: pa.array(columns[f.name], arrow_type(f.kind)) for f in schema.fields}
    return tuple(validate_columns(schema, pa.table(table)).reasons)


def _spread(answers: Answers, places: list[int], n_rows: int) -> Predicted:
    """The answers at their places among n rows; NaN, and the first class, elsewhere."""
    found = answers.prediction
    values = np.full((n_rows, *found.shape[1:]), np.nan)
    values[places] = found
    if answers.probabilities is None:
        return Predicted(values)
    classes = np.zeros(n_rows, dtype=np.intp)
    classes[places] = answers.value
    return Predicted(values, classes)
