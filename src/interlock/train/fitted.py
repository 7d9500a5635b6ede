"""A fitted candidate or baseline, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from interlock.errors import Mistake
from interlock.stats.threads import limited_threads
from interlock.train.answer import AnswerSpec, Floats
from interlock.train.encoder import Encoder
from interlock.train.raw import raw_scores
from interlock.train.training_data import Prepared
from interlock.train.trial import Trial

THREADS_PAY = 1_000_000  # cells of a matrix, rows × inputs, from which threads within a fit pay


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A fitted candidate or baseline.

    ``encoder`` is None where the estimator takes a frame; ``spec`` has no interval yet; ``params``
    describe the estimator as fitted; ``n_rows`` were trained on; ``notes`` say what the author may
    not expect.
    """

    name: str
    is_baseline: bool
    estimator: Any
    prepared: Prepared
    spec: AnswerSpec
    params: Mapping[str, Any]
    n_rows: int
    trials: tuple[Trial, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def encoder(self) -> Encoder | None:
        """The encoder, or None where the estimator takes a frame."""
        return self.prepared.encoder

    def matrix(self, columns: Mapping[str, Any]) -> Any:
        """What the estimator takes for those rows: a matrix or a frame (n_rows, n_columns)."""
        return self.prepared.apply(columns)

    def raw(self, columns: Mapping[str, Any]) -> Floats:
        """The raw scores (n_rows, n_scores) of those rows, the same on any number of cores."""
        return self.scores(self.matrix(columns))

    def scores(self, matrix: Any) -> Floats:
        """The raw scores (n_rows, n_scores) of rows as the estimator takes them."""
        small = matrix.shape[0] * matrix.shape[1] < THREADS_PAY
        with limited_threads(1, user_api=None if small else "blas"):
            return raw_scores(self.estimator, matrix)


@dataclass(frozen=True, kw_only=True)
class FailedFit:
    """A candidate that could not be fitted, and why."""

    name: str
    mistakes: tuple[Mistake, ...]
    seconds: float = 0.0
