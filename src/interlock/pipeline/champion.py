"""The champion on today's test rows: its own bundle, its own feature code, today's snapshots.

Only rows after the champion's own last seen row may be compared: it has learned from the others.
Where rows are split by hash, the same split gives the champion's test rows again, and new ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from interlock.data.snapshot import Taken
from interlock.errors import InterlockError
from interlock.evaluate.predicted import Predicted
from interlock.features.assemble import as_of, history_rows
from interlock.release.bundle import Bundle
from interlock.serve.answering import Answering
from interlock.train.answer import Answers

Columns = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ChampionScore:
    """``prediction`` (n_rows,) or (n_rows, n_classes), or None and the ``reason`` why not.

    ``comparable`` (n_rows,) marks rows after the champion's last seen row that it answered and
    covers.
    """

    prediction: Predicted | None
    comparable: np.ndarray[Any, Any]
    reason: str = ""
    is_winner: bool = False


def score_champion(
    champion: Bundle,
    requests: Columns,
    instants: np.ndarray[Any, Any],
    taken: Mapping[str, Taken],
    *,
    classes: tuple[Any, ...],
    split: Mapping[str, Any],
) -> ChampionScore:
    """Score rows given as request columns; ``instants`` (n_rows,) µs; ``split`` as declared."""
    none = np.zeros(len(instants), dtype=bool)
    try:
        release = Answering.of(champion)
        missing = [f.name for f in release.schema.fields if f.name not in requests]
        unfit = [n for n in missing if not release.schema.field(n).optional]
        if unfit:
            reason = f"its request has fields that are no longer declared: {', '.join(unfit)}"
            return ChampionScore(prediction=None, comparable=none, reason=reason)
        if tuple(release.spec.classes) != tuple(classes):
            reason = "its classes are not those of today's target"
            return ChampionScore(prediction=None, comparable=none, reason=reason)
        columns = {
            f.name: requests.get(f.name, [None] * len(instants)) for f in release.schema.fields
        }
        rows = {
            h.name: history_rows(h, release.packed, _source(taken, h.source))
            for h in release.features.histories
        }
        outcome = release.answer(
            columns, [None] * len(instants), as_of=instants, history=as_of(rows)
        )
    except InterlockError as error:
        return ChampionScore(prediction=None, comparable=none, reason=str(error).split("\n")[0])
    if outcome.answers is None:
        return ChampionScore(prediction=None, comparable=none, reason="it answered no row")
    places = list(outcome.places)
    answered = np.zeros(len(instants), dtype=bool)
    answered[places] = True
    answered &= np.array([not why for why in outcome.not_covered], dtype=bool)
    return ChampionScore(
        prediction=_spread(outcome.answers, places, len(instants)),
        comparable=answered & _unseen(champion.json("candidate.json"), instants, split),
    )


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
    return ChampionScore(prediction=prediction, comparable=unseen, is_winner=True)


def _unseen(
    candidate: Mapping[str, Any], instants: np.ndarray[Any, Any], split: Mapping[str, Any]
) -> np.ndarray[Any, Any]:
    """Test rows that the champion has not learned from, (n_rows,)."""
    if candidate["split"]["by"] == "unit":
        return np.full(len(instants), candidate["split"] == split)
    return instants > (-1 if candidate["seen_until"] is None else candidate["seen_until"])


def _source(taken: Mapping[str, Taken], name: str) -> pa.Table:
    if name not in taken:
        raise InterlockError(
            "M210",
            f"the champion reads a source that is no longer declared: {name}",
            expected=f"one of {', '.join(taken)}",
            fix="keep the source declared until the champion is replaced",
        )
    return taken[name].revisions
