"""The champion on today's test rows: its own bundle, its own feature code, today's snapshots.

Only rows after the champion's own last seen row may be compared: it has learned from the others.
Where rows are split by hash, the same split gives the champion's test rows again, and new ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from interlock.data.request import RequestSchema
from interlock.data.snapshot import Taken
from interlock.data.validation import validate_columns
from interlock.errors import InterlockError, first_line
from interlock.evaluate.predicted import Predicted
from interlock.features.assemble import arrow_type, as_of, history_rows
from interlock.pipeline.misfit import Today, misfit
from interlock.release.bundle import Bundle
from interlock.serve.answering import Answering
from interlock.serve.contract import AnswerContract
from interlock.train.answer import Answers

Columns = Mapping[str, Any]
NOT_COVERED, REFUSED = "not covered by it", "refused by it"
_OTHER_COLUMNS = "F123"  # a history's column is gone or of another type


@dataclass(frozen=True, kw_only=True)
class ChampionScore:
    """``prediction`` (n_rows,) or (n_rows, n_classes), or None and the ``reason`` why not.

    ``comparable`` (n_rows,) marks rows after the champion's last seen row that it answered and
    covers; where it has a prediction, ``reason`` says why none of them could be. ``unfit``: it
    could not be asked, for what is declared has moved on; without it a reason is an error.
    ``left_out`` counts, by why, the rows after its last seen one that it did not answer or cover;
    ``not_covered`` numbers all rows that it does not cover, answered by an estimate or not.
    """

    prediction: Predicted | None
    comparable: np.ndarray[Any, Any]
    reason: str = ""
    is_winner: bool = False
    unfit: bool = False
    left_out: Mapping[str, int] = field(default_factory=dict)
    not_covered: frozenset[int] = frozenset()


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

    ``split`` is the split of today's rows, see :func:`interlock.pipeline.dividing.split_identity`.
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
    unseen = _unseen(champion.json("candidate.json"), instants, split)
    return _score(outcome.answers, list(outcome.places), outcome.not_covered, unseen)


def _no_score(instants: np.ndarray[Any, Any], reason: str, *, unfit: bool = False) -> ChampionScore:
    """None of the rows, and why."""
    none = np.zeros(len(instants), dtype=bool)
    return ChampionScore(prediction=None, comparable=none, reason=reason, unfit=unfit)


def _score(
    answers: Answers, places: list[int], not_covered: Sequence[str], unseen: _Unseen
) -> ChampionScore:
    """The answers, each at its place; only to rows that it covers and never saw do they count."""
    n_rows = len(unseen.rows)
    answered = np.zeros(n_rows, dtype=bool)
    answered[places] = True
    uncovered = np.array([bool(why) for why in not_covered], dtype=bool)
    left_out = {
        NOT_COVERED: int((unseen.rows & uncovered).sum()),
        REFUSED: int((unseen.rows & ~uncovered & ~answered).sum()),
    }
    return ChampionScore(
        prediction=_spread(answers, places, n_rows),
        comparable=answered & ~uncovered & unseen.rows,
        reason=unseen.why,
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


def is_winner(champion: Bundle, winner: Mapping[str, Any], *, snapshot: str, code: str) -> bool:
    """Whether the champion is that packaged candidate: the same rows, code, encoder and model."""
    made_of = {winner["file_name"]: winner["payload"], "encoder.json": winner["encoder"]}
    entries = champion.manifest["files"]
    return (
        champion.inputs["snapshot"] == snapshot
        and champion.inputs["code"] == code
        and all(entries.get(n, {}).get("sha256") == digest for n, digest in made_of.items())
        and champion.json("answer.json")["spec"] == winner["spec"]
    )


def score_winner(
    champion: Bundle,
    prediction: Predicted,
    instants: np.ndarray[Any, Any],
    split: Mapping[str, Any],
) -> ChampionScore:
    """The score of a champion that is the winner itself, whose ``prediction`` is known already."""
    unseen = _unseen(champion.json("candidate.json"), instants, split)
    return ChampionScore(
        prediction=prediction, comparable=unseen.rows, reason=unseen.why, is_winner=True
    )


@dataclass(frozen=True, kw_only=True)
class _Unseen:
    """``rows`` (n_rows,) that the champion has not learned from, and why it may be none."""

    rows: np.ndarray[Any, Any]
    why: str = ""


def _unseen(
    candidate: Mapping[str, Any], instants: np.ndarray[Any, Any], split: Mapping[str, Any]
) -> _Unseen:
    """By the champion's own split: after its last seen row, or in the same part of the same split.

    Units are dealt to parts by a digest of their ids: under other shares, or where a unit is
    something else or named by other columns, a row that tests today may have trained the champion.
    """
    if candidate["split"]["by"] != "unit":
        seen_until = -1 if candidate["seen_until"] is None else candidate["seen_until"]
        return _Unseen(rows=instants > seen_until)
    if candidate["split"] == dict(split):
        return _Unseen(rows=np.ones(len(instants), dtype=bool))
    if split["by"] != "unit":
        why = "its rows were split by unit, today's by time"
    elif candidate["split"].get("units") != split.get("units"):
        why = "its rows were split by other units"
    else:
        why = "its rows were split into other shares"
    return _Unseen(
        rows=np.zeros(len(instants), dtype=bool),
        why=f"{why}, so it may have learned from any test row",
    )
