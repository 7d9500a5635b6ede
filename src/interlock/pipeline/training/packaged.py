"""A packaged candidate, loaded: from feature columns to answers, as the service will give them.

But for post-processing, which the model's inputs alone do not decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.features.definition import Input
from interlock.pipeline.context import Context
from interlock.release.scorers.opening import open_scorer
from interlock.release.scorers.scorer import Scorer
from interlock.train.answer import Answers, AnswerSpec, answer
from interlock.train.encoder import Encoder
from interlock.train.exchange import Exchange


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """``inputs`` are those it takes, in order; ``encoder`` is None where it takes their columns."""

    inputs: tuple[Input, ...]
    encoder: Encoder | None
    scorer: Scorer
    spec: AnswerSpec

    @classmethod
    def of(cls, context: Context, row: Mapping[str, Any]) -> Packaged:
        """The candidate that a training stage's output describes so."""
        inputs = tuple(i for i in context.bound.features.inputs if i.name in set(row["inputs"]))
        encoder = Encoder.from_row(context.get_json(row["encoder"])) if row["encoder"] else None
        scorer = open_scorer(
            row["format"],
            context.artifacts.get(row["payload"]),
            n_columns=encoder.n_columns if encoder else None,
            inputs=inputs,
        )
        return cls(
            inputs=inputs,
            encoder=encoder,
            scorer=scorer,
            spec=AnswerSpec.from_row(row["spec"]),
        )

    def answers(self, columns: Mapping[str, Any]) -> Answers:
        """Answers for feature columns by name, (n_rows,) each."""
        taken = self.encoder.transform(columns) if self.encoder else columns
        return answer(self.scorer.raw(taken), self.spec)

    @property
    def exchange(self) -> Exchange:
        """The form in which its inputs can be exchanged."""
        return Exchange(inputs=tuple(i.name for i in self.inputs), encoder=self.encoder)

    def predict(self, rows: NDArray[Any], *, cores: int = 1) -> NDArray[np.float64]:
        """Predictions for rows of :attr:`exchange`: (n_rows,), or (n_rows, n_classes).

        A matrix is scored in as many threads as there are cores; rows do not depend on each other.
        """
        exchange = self.exchange
        if self.scorer.needs == "columns" or cores == 1:
            raw = self.scorer.raw(exchange.taken(rows))
        else:
            with ThreadPoolExecutor(cores) as pool:
                raw = np.concatenate(list(pool.map(self.scorer.raw, np.array_split(rows, cores))))
        return answer(raw, self.spec).prediction
