"""A release in memory, ready to answer: immutable, and good for one thread at a time.

A bundle becomes a :class:`LoadedRelease` in one order and no other: every byte verified, admitted
by the environment's policy, packed features, encoder and model loaded, golden answers computed
again and compared, warmed up. Whatever goes wrong raises, and the release never gets traffic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from interlock.data.request import RequestSchema
from interlock.features.definition import FeatureSet, HistoryDefinition
from interlock.features.request import PackedFeatures
from interlock.release.bundle import Bundle
from interlock.release.coverage import Coverage, Covering, open_covering
from interlock.release.scorers.opening import open_scorer
from interlock.release.scorers.scorer import Scorer
from interlock.serve.contract import AnswerContract, Contract
from interlock.serve.loaded.decode import RequestDecoder
from interlock.serve.loaded.explainer import MAX_EXPLAINED, Explainer
from interlock.serve.loaded.history import History, NoHistory, UnavailableHistory
from interlock.serve.loaded.isolated import IsolatedScorer
from interlock.serve.loaded.pick import Values, picker
from interlock.serve.plan import ServePlan
from interlock.train.answer import AnswerOne, answer_few, answer_one
from interlock.train.encoder import Encoder
from interlock.train.postprocess import PostProcessing

OpenScorer = Callable[..., Scorer]


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedRelease:
    """A release that can answer.

    ``fields`` are the request's, ``names`` the features' and aggregates' in order. A row is
    ``known`` by its request fields, then its features, then its aggregates; ``pick`` takes the
    model's inputs from that, ``pick_after`` what post-processing asks for, ``entity`` what the
    prediction is about, and ``covering`` says why a row is not covered; it is None where the
    release answers for everything. ``explainer`` is None where the release cannot explain.
    """

    digest: str
    label: str
    contract: Contract
    decoder: RequestDecoder
    packed: PackedFeatures
    history: History
    encoder: Encoder | None
    scorer: Scorer
    fields: tuple[str, ...]
    names: tuple[str, ...]
    histories: tuple[HistoryDefinition, ...]
    inputs: tuple[str, ...]
    pick: Callable[[Values], Values]
    postprocessing: PostProcessing
    pick_after: Callable[[Values], Values]
    entity: Callable[[Values], Values]
    covering: Covering | None = None
    explainer: Explainer | None = None

    @property
    def product(self) -> str:
        """The product it answers for."""
        return self.contract.product

    @property
    def schema(self) -> RequestSchema:
        """What it takes."""
        return self.contract.request

    def encode(self, known: Values) -> Sequence[Any]:
        """What the model takes for one row: matrix columns, or the inputs themselves."""
        picked = self.pick(known)
        return picked if self.encoder is None else self.encoder.transform_row(picked)

    def not_covered(self, known: Values, as_of: int) -> str:
        """Why the release does not answer for a row; "" where it does."""
        return "" if self.covering is None else self.covering.row(known, as_of)

    @property
    def estimates(self) -> bool:
        """Whether a row that is not covered is given the prediction all the same."""
        return self.covering is not None and self.covering.estimates

    def score_one(self, row: Sequence[Any]) -> list[float]:
        """Raw scores of one encoded row, (n_scores,)."""
        return self.scorer.raw_one(row)

    def score_many(self, rows: Sequence[Sequence[Any]]) -> list[list[float]]:
        """Raw scores of encoded rows in one call, (n_rows, n_scores)."""
        return self.scorer.raw_few(rows)

    def answer(self, scores: Sequence[float], known: Values) -> AnswerOne:
        """The answer to a row with these raw scores. Raises PostprocessFailure."""
        return self.postprocessed(answer_one(scores, self.contract.answer.spec), known)

    def answer_few(self, scores: Sequence[Sequence[float]]) -> list[AnswerOne]:
        """The answers to rows with these raw scores, not post-processed yet."""
        return answer_few(scores, self.contract.answer.spec)

    def postprocessed(self, answer: AnswerOne, known: Values) -> AnswerOne:
        """What is answered of a row in the end. Raises PostprocessFailure."""
        return self.postprocessing.one(answer, self.pick_after(known))


def assemble(
    bundle: Bundle, plan: ServePlan, *, label: str = "", scorer_of: OpenScorer = open_scorer
) -> LoadedRelease:
    """The release from a verified bundle's bytes, not compared with its golden answers yet.

    It has no history features until it is given a store. ``scorer_of`` loads its model.
    """
    said = _Said.by(bundle)
    _check_entities(said.schema, said.features)
    fields, names, inputs, answer = said.fields, said.names, said.inputs, said.answer
    after = PostProcessing.load(bundle.packed, answer.postprocess, name=bundle.digest)
    covering = open_covering(bundle, (*fields, *names), name=bundle.digest)
    scorer = scorer_of(
        bundle.model_format,
        bundle.read(bundle.model_name),
        n_columns=said.encoder.n_columns if said.encoder else None,
        inputs=said.features.inputs,
    )
    explainer = Explainer.of(
        bundle, inputs=inputs, encoder=said.encoder, scorer=scorer, spec=answer.spec
    )
    pick_of = partial(picker, (*fields, *names))
    return LoadedRelease(
        digest=bundle.digest,
        label=label,
        contract=said.contract(
            label,
            plan,
            coverage=covering.coverage if covering else None,
            max_explained=MAX_EXPLAINED if explainer else 0,
            isolated=isinstance(scorer, IsolatedScorer),
        ),
        decoder=RequestDecoder(said.schema, max_rows=plan.limits.rows),
        packed=PackedFeatures.load(bundle.packed, said.features, fields=fields, name=bundle.digest),
        history=UnavailableHistory() if said.features.histories else NoHistory(),
        encoder=said.encoder,
        scorer=scorer,
        fields=fields,
        names=names,
        histories=said.features.histories,
        inputs=inputs,
        pick=pick_of(inputs),
        postprocessing=after,
        pick_after=pick_of(after.arguments),
        entity=pick_of(answer.entity),
        covering=covering,
        explainer=explainer,
    )


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What the files of a bundle say, before any of it is loaded to work."""

    product: str
    digest: str
    schema: RequestSchema
    features: FeatureSet
    answer: AnswerContract
    encoder: Encoder | None

    @classmethod
    def by(cls, bundle: Bundle) -> _Said:
        encoded = "encoder.json" in bundle.files
        return cls(
            product=bundle.product,
            digest=bundle.digest,
            schema=RequestSchema.from_row(bundle.json("request.json")),
            features=FeatureSet.from_row(bundle.json("features.json")),
            answer=AnswerContract.from_row(bundle.json("answer.json")),
            encoder=Encoder.from_row(bundle.json("encoder.json")) if encoded else None,
        )

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.schema.fields)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the features, then of the aggregates."""
        aggregates = (a.name for history in self.features.histories for a in history.aggregates)
        return (*(feature.name for feature in self.features.request), *aggregates)

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(given.name for given in self.features.inputs)

    def contract(
        self,
        label: str,
        plan: ServePlan,
        *,
        coverage: Coverage | None,
        max_explained: int,
        isolated: bool,
    ) -> Contract:
        """What a service of that plan promises, its example not chosen yet."""
        return Contract(
            product=self.product,
            label=label,
            digest=self.digest,
            request=self.schema,
            answer=self.answer,
            example={},
            coverage=coverage,
            max_explained=max_explained,
            isolated=isolated,
            max_rows=plan.limits.rows,
            max_body_bytes=plan.limits.body_bytes,
            needs_token=plan.token_file is not None,
        )


def _check_entities(schema: RequestSchema, features: FeatureSet) -> None:
    """Raise ValueError unless a request gives each history's key, in the type it is kept by."""
    kinds = {field.name: field.kind for field in schema.fields}
    kinds |= {feature.name: feature.kind for feature in features.request}
    for history in features.histories:
        for name, kind in history.entity:
            given = kinds.get(name)
            if given != kind and {given, kind} != {"str", "category"}:
                kept = f"history '{history.name}' is kept by {name}: {kind}"
                raise ValueError(f"{kept}, and a request gives {given or 'no such value'}")
