"""The features of a product in the order in which they are computed, and what the model sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from interlock.data.request import RequestSchema
from interlock.features.aggregates import History
from interlock.features.declare import RequestFeature, Signature
from interlock.features.definition import (
    FeatureDefinition,
    FeatureSet,
    HistoryDefinition,
    Input,
)
from interlock.features.pack import Packed
from interlock.product.declaration import Declaration
from interlock.product.histories import history_definition
from interlock.product.order import order_of
from interlock.product.packing import definition

MODEL_KINDS = ("int", "float", "bool", "str", "category")


def feature_set(
    product: Declaration,
    schema: RequestSchema,
    signatures: Mapping[str, Signature],
    packed: Packed,
    columns: Mapping[str, Mapping[str, str]],
) -> FeatureSet:
    """Everything resolved; ``columns`` are kinds by source and column."""
    declared = {f.name: f for f in product.features if isinstance(f, RequestFeature)}
    needs = {name: tuple(signatures[name].arguments) for name in declared}
    given = {field.name for field in schema.fields} | {"as_of"}
    request = tuple(
        definition(declared[name], signatures[name], packed, unit=declared[name].unit)
        for name in order_of(needs, given)[0]
    )
    kinds = {f.name: f.kind for f in schema.fields} | {d.name: d.kind for d in request}
    histories = tuple(
        history_definition(h, kinds, columns[h.source.name], packed.sources)
        for h in product.features
        if isinstance(h, History)
    )
    return FeatureSet(
        request=request,
        histories=histories,
        inputs=_inputs(schema, [d for d in request if declared[d.name].model_input], histories),
    )


def _inputs(
    schema: RequestSchema,
    request: Sequence[FeatureDefinition],
    histories: Sequence[HistoryDefinition],
) -> tuple[Input, ...]:
    """What the model sees, in order: request fields, request features, aggregates."""
    fields = [
        Input(name=f.name, kind=f.kind, categories=f.categories)
        for f in schema.fields
        if f.model_input and not f.asked_at
    ]
    features = [Input(name=d.name, kind=d.kind, categories=d.categories) for d in request]
    aggregates = [Input(name=a.name, kind=a.kind) for h in histories for a in h.aggregates]
    return tuple(i for i in (*fields, *features, *aggregates) if i.kind in MODEL_KINDS)
