"""Explains answers of a release: what each input contributed to one of them.

Shapley values against the release's background rows (``background.json``), sampled by walks as
:mod:`interlock.stats.shapley` does. The walks belong to the release: the same request always has
the same explanation, and two requests of one release differ by themselves alone, not by the luck of
a draw. A regression by trees that the release carries in LightGBM's or XGBoost's own format is
explained by their own TreeSHAP (Lundberg et al. 2020, "From local explanations to global
understanding with explainable AI for trees", Nature Machine Intelligence 2) where that adds up.

What is explained is the model's own answer, in the space in which it says it: an answer that is the
exponential of a score (a target in logarithms, a log link) by factors, any other regression by
terms in the target's unit, classes by terms of their probabilities.

Cost: the model scores :attr:`Explainer.n_rows` rows, in one call, or where these would hold more
than 4 MB in several: a model of many inputs has many rows on the way, and each is wide. Safe in a
thread beside the service.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from interlock.digest import digest_bytes, seed_from
from interlock.release.bundle import Bundle
from interlock.release.scorers.lightgbm import BoosterScorer
from interlock.release.scorers.scorer import Scorer
from interlock.release.scorers.xgboost import XgboostScorer
from interlock.serve.contract import class_name
from interlock.serve.errors import ServiceError
from interlock.serve.explanation import Explanation
from interlock.serve.loaded.isolated import IsolatedBooster
from interlock.stats.shapley import Contributions, Walks
from interlock.train.answer import AnswerSpec, answer, transformed_prediction
from interlock.train.encoder import Encoder
from interlock.train.exchange import Exchange

BACKGROUND = "background.json"
MAX_EXPLAINED = 10  # rows of one request
EXPLAIN_SECONDS = 10.0  # that they may take, or wait for their turn
_AT_ONCE = 4 << 20  # bytes of rows that the model scores in one call
_ADDS_UP = 1e-9  # relative to the largest number met
_FLOAT32 = 1e-5  # XGBoost sums in single precision

Floats = NDArray[np.float64]
OwnContributions = Callable[[NDArray[np.float64]], Floats | None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Explainer:
    """``background`` (n_walks, width) are rows of ``exchange``; ``start`` (n_walks, n_outputs) what
    the model says of them; ``own`` the library's contributions, where they are used.
    """

    exchange: Exchange
    scorer: Scorer
    spec: AnswerSpec
    walks: Walks
    background: NDArray[Any]
    start: Floats
    own: OwnContributions | None = None

    @classmethod
    def of(
        cls,
        bundle: Bundle,
        *,
        inputs: Sequence[str],
        encoder: Encoder | None,
        scorer: Scorer,
        spec: AnswerSpec,
    ) -> Explainer | None:
        """The explainer of a release with these parts; None where it carries no background rows.

        Raises ValueError for background rows that do not fit the model.
        """
        if BACKGROUND not in bundle.files:
            return None
        exchange = Exchange(inputs=tuple(inputs), encoder=encoder)
        columns = bundle.json(BACKGROUND)["columns"]
        if set(columns) != set(inputs) or len({len(values) for values in columns.values()}) != 1:
            raise ValueError(f"{BACKGROUND} does not hold the inputs' columns")
        background = exchange.rows({name: columns[name] for name in inputs})
        start = outputs(scorer.raw(exchange.taken(background)), spec)
        if not np.isfinite(start).all():
            raise ValueError(f"the model gives no finite answer to {BACKGROUND}")
        seed = seed_from("explain", digest_bytes(bundle.read(BACKGROUND)))
        return cls(
            exchange=exchange,
            scorer=scorer,
            spec=spec,
            walks=Walks.drawn(len(background), len(inputs), seed=seed),
            background=background,
            start=start,
            own=_own(scorer, spec, background, start),
        )

    @property
    def n_rows(self) -> int:
        """How many rows the model scores for one explanation."""
        return 1 + (0 if self.own else self.walks.n_stops)

    def explain(self, row: NDArray[Any]) -> Explanation:
        """The explanation of one row of ``exchange``, (width,).

        Raises ServiceError S124 where the model gives a row on the way no finite answer, S125 where
        the contributions do not add up.
        """
        found = np.concatenate([self._scored(rows) for rows in self._way(row)])
        if not np.isfinite(found).all():
            raise ServiceError("S124", "the model gave no finite answer on the way to this one")
        parts = None if self.own is None else _by_input(self.own(row[None]), self.exchange, found)
        if parts is None:
            parts = self.walks.contributions(self.start, found[1:], found[0])
        largest = max(np.abs(found).max(), np.abs(self.start).max(), 1e-300)
        missed = np.abs(parts.base + parts.values.sum(axis=0) - found[0]).max()
        if not missed <= _ADDS_UP * largest:
            raise ServiceError("S125", "the contributions do not add up to the prediction")
        return self._told(parts, found[0])

    def _scored(self, rows: NDArray[Any]) -> Floats:
        return outputs(self.scorer.raw(self.exchange.taken(rows)), self.spec)

    def _way(self, row: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """This row, and those between it and the background's, a part after the other."""
        n_rows, most = self.n_rows, max(1, _AT_ONCE // row.nbytes)
        for first in range(0, n_rows, most):
            beyond = min(first + most, n_rows)
            if first:
                yield self._on_the_way(row, first - 1, beyond - 1)
            else:
                yield np.concatenate([row[None], self._on_the_way(row, 0, beyond - 1)])

    def _on_the_way(self, row: NDArray[Any], first: int, beyond: int) -> NDArray[Any]:
        """The rows at these stops between the background's and this one, (n_stops, width)."""
        starts, taken = self.walks.stops(first, beyond)
        return np.where(self.exchange.columns_of(taken), row, self.background[starts])

    def _told(self, parts: Contributions, model: Floats) -> Explanation:
        names = self.exchange.inputs
        weight = np.abs(parts.values).max(axis=1)
        order = sorted(range(len(names)), key=lambda i: (-weight[i], names[i]))
        base, values, errors = parts.base, parts.values, parts.errors
        factors = multiplies(self.spec)
        if factors:
            model, base, values = np.exp(model), np.exp(base), np.exp(values)
            errors = values * errors  # of a factor, by the delta method
        told = [{names[i]: float(values[i, k]) for i in order} for k in range(len(base))]
        doubts = [{names[i]: float(errors[i, k]) for i in order} for k in range(len(base))]
        several = len(base) > 1
        classes = [class_name(c) for c in self.spec.classes]

        def shown(each: Sequence[Any]) -> Any:
            return dict(zip(classes, each, strict=True)) if several else each[0]

        return Explanation(
            method="TreeSHAP" if self.own else "sampled Shapley values",
            background_rows=self.walks.n_walks,
            combine="multiply" if factors else "add",
            of=classes[1] if len(classes) == 2 else UNSET,
            base=shown(base.tolist()),
            model=shown(model.tolist()),
            contributions=shown(told),
            standard_errors=UNSET if self.own or np.isnan(errors).any() else shown(doubts),
        )


def multiplies(spec: AnswerSpec) -> bool:
    """Whether contributions are factors of the answer."""
    if spec.task != "regression":
        return False
    return spec.transform == "log" or (spec.link == "log" and spec.transform is None)


def outputs(raw: Floats, spec: AnswerSpec) -> Floats:
    """What contributions add up to, (n_rows, n_outputs), from raw scores (n_rows, n_scores).

    One output for a regression and for two classes, else one a class.
    """
    with np.errstate(all="ignore"):
        if spec.task == "regression":
            if not multiplies(spec):
                return answer(raw, spec).value[:, None]
            scores = transformed_prediction(raw, spec) if spec.transform else raw[:, 0]
            return np.asarray(scores)[:, None]
        shares = answer(raw, spec).prediction
        return shares[:, 1:] if shares.shape[1] == 2 else shares


def _own(
    scorer: Scorer, spec: AnswerSpec, background: NDArray[Any], start: Floats
) -> OwnContributions | None:
    """The library's own contributions, if they are of what is explained: seen on the background."""
    if (
        not isinstance(scorer, BoosterScorer | XgboostScorer | IsolatedBooster)
        or spec.task != "regression"
    ):
        return None
    found = scorer.contributions(background)
    if found is None or found.ndim != 2 or found.shape[1] != background.shape[1] + 1:
        return None
    off = np.abs(found.sum(axis=1) - start[:, 0])
    return scorer.contributions if (off <= _FLOAT32 * np.abs(start).max()).all() else None


def _by_input(found: Floats | None, exchange: Exchange, model: Floats) -> Contributions | None:
    """The first row's contributions by input; what single precision left over is shared out."""
    if found is None:
        return None
    values = np.array([found[0, exchange.places[name]].sum() for name in exchange.inputs])
    left = model[0, 0] - found[0, -1] - values.sum()
    weight = np.abs(values).sum()
    values = values + left * (np.abs(values) / weight if weight > 0 else 1 / len(values))
    return Contributions(
        base=found[0, -1:],
        values=values[:, None],
        errors=np.full((len(values), 1), math.nan),
    )
