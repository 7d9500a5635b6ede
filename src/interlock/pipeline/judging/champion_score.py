"""What is known of the champion on today's test rows, and when it is the winner itself.

Only rows after the champion's own last seen row may be compared: it has learned from the others.
Where rows are split by hash, the same split gives the champion's test rows again, and new ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from interlock.evaluate.predicted import Predicted
from interlock.release.bundle import Bundle


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
    found = unseen(champion.json("candidate.json"), instants, split)
    return ChampionScore(
        prediction=prediction, comparable=found.rows, reason=found.why, is_winner=True
    )


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """``rows`` (n_rows,) that the champion has not learned from, and why it may be none."""

    rows: np.ndarray[Any, Any]
    why: str = ""


def unseen(
    candidate: Mapping[str, Any], instants: np.ndarray[Any, Any], split: Mapping[str, Any]
) -> Unseen:
    """By the champion's own split: after its last seen row, or in the same part of the same split.

    Units are dealt to parts by a digest of their ids: under other shares, or where a unit is
    something else or named by other columns, a row that tests today may have trained the champion.
    """
    if candidate["split"]["by"] != "unit":
        seen_until = -1 if candidate["seen_until"] is None else candidate["seen_until"]
        return Unseen(rows=instants > seen_until)
    if candidate["split"] == dict(split):
        return Unseen(rows=np.ones(len(instants), dtype=bool))
    if split["by"] != "unit":
        why = "its rows were split by unit, today's by time"
    elif candidate["split"].get("units") != split.get("units"):
        why = "its rows were split by other units"
    else:
        why = "its rows were split into other shares"
    return Unseen(
        rows=np.zeros(len(instants), dtype=bool),
        why=f"{why}, so it may have learned from any test row",
    )
