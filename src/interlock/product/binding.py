"""From declarations to what the path works with; every mistake is reported at once.

Invariant: a Bound product is complete and consistent: names resolve, features are ordered and
packed, columns exist and have usable types. Nothing downstream checks a declaration again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from interlock.data.request import Field, RequestSchema
from interlock.data.request_class import request_schema
from interlock.data.source import Source
from interlock.digest import digest_json
from interlock.errors import AuthorError, Mistake, collecting
from interlock.evaluate.metrics import Metric, metric_named
from interlock.features.aggregates import History
from interlock.features.declare import (
    Postprocess,
    RequestFeature,
    Signature,
    signature_of,
)
from interlock.features.definition import (
    FeatureDefinition,
    FeatureSet,
)
from interlock.features.function import DeclaredFunction
from interlock.features.outliers import OutlierRule, Outliers
from interlock.product.declaration import Declaration
from interlock.product.feature_set import feature_set
from interlock.product.metrics import metric_identities, product_metrics
from interlock.product.mistakes.behaviour import behaviour_mistakes
from interlock.product.mistakes.candidates import candidate_mistakes
from interlock.product.mistakes.checks import check_mistakes
from interlock.product.mistakes.coverage import coverage_mistakes
from interlock.product.mistakes.features import feature_mistakes
from interlock.product.mistakes.gates import gate_mistakes
from interlock.product.mistakes.histories import history_mistakes
from interlock.product.mistakes.names import name_mistakes
from interlock.product.mistakes.postprocess import postprocess_mistakes
from interlock.product.mistakes.split import split_mistakes
from interlock.product.mistakes.target import target_mistakes
from interlock.product.outliers import (
    NO_OUTLIERS,
    BoundOutliers,
    BoundRule,
    all_known,
    asked_columns,
    request_kinds,
)
from interlock.product.packing import PackedProduct, definition, pack_product
from interlock.product.parts import part_mistakes
from interlock.product.sources import column_kinds, sources_by_name
from interlock.product.target import target_row

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A product whose declarations hold together.

    ``packed`` are the sources of request features, post-processing and the outlier rules that a
    request alone decides, ``label_source`` those of the label function, if there is one;
    ``mapping`` is request field → source column; ``zone`` is what a date without a zone of its own
    is read in; ``postprocess`` is in the order in which it is applied; ``metric_code`` holds
    digests of the product's own metrics by name.
    """

    product: Declaration
    project_dir: Path
    schema: RequestSchema
    features: FeatureSet
    packed: Mapping[str, str]
    label_source: Mapping[str, str]
    label_place: tuple[str, str] | None
    mapping: Mapping[str, str]
    zone: str | None
    sources: Mapping[str, Source]
    postprocess: tuple[FeatureDefinition, ...] = ()
    outliers: BoundOutliers = NO_OUTLIERS
    metric_code: Mapping[str, str] = field(default_factory=dict)

    def metrics(self, classes: Sequence[Any] = ()) -> dict[str, Metric]:
        """The metrics that the product means otherwise than Interlock does, by name.

        ``classes`` are those of the target, once they are known.
        """
        return product_metrics(self.product, classes=classes, identities=self.metric_code)

    def metric(self, name: str, classes: Sequence[Any] = ()) -> Metric:
        """The metric of that name, as the product means it. Raises AuthorError M201."""
        return self.metrics(classes).get(name) or metric_named(name)

    def metric_row(self, name: str) -> dict[str, Any]:
        """What the metric of that name depends on, for digests."""
        metric = self.metric(name)
        row = {"name": name, "scale": metric.scale, "unit": metric.unit, "code": metric.identity}
        return row | {"resamples": metric.resamples, "better": metric.better}

    @property
    def examples_source(self) -> Source:
        """The source whose rows are the examples."""
        return self.product.examples.source

    @property
    def code_digest(self) -> str:
        """Identity of everything that turns rows into model inputs and labels, and answers."""
        after: dict[str, Any] = {}
        if self.postprocess:
            after["postprocess"] = [asdict(d) for d in self.postprocess]
        if self.product.outliers:
            after["outliers"] = self.outliers.to_row()
        return digest_json(
            {
                **after,
                "schema": self.schema.to_row(),
                "examples": self.examples_source.to_row(),
                "features": self.features.to_row(),
                "packed": dict(self.packed),
                "label": dict(self.label_source),
                "target": target_row(self.product.target),
                "mapping": dict(self.mapping),
                "unit": list(self.product.unit_fields),
                "yardsticks": dict(self.product.yardsticks),
                "weight": self.product.weight,
            }
        )


def bind(product: Declaration, project_dir: Path) -> Bound:
    """Bind a product. Raises AuthorError with all mistakes, each with place, expected, got, fix."""
    mistakes = part_mistakes(product)
    if mistakes:
        raise AuthorError.of(mistakes)
    schema = _schema(product, mistakes)
    zone = schema.asked_at.zone if schema.asked_at else None
    dates = zone or ("UTC" if mistakes else None)  # a request with mistakes is not asked again
    sources = sources_by_name(product, mistakes)
    columns = {n: column_kinds(s, project_dir, dates, mistakes) for n, s in sources.items()}
    mapping = {**{f.name: f.name for f in schema.fields}, **dict(product.examples.mapping)}
    mistakes += list(name_mistakes(product, schema, mapping, columns))
    signatures = _signatures_of(_only(RequestFeature, product.features), mistakes)
    after = _signatures_of(_only(Postprocess, product.postprocess), mistakes)
    rules = _signatures_of(_only(OutlierRule, product.outliers), mistakes)
    kinds = {f.name: f.kind for f in schema.fields}
    request = request_kinds(product, kinds, signatures, columns)
    mistakes += feature_mistakes(product, schema, signatures)
    mistakes += postprocess_mistakes(product, schema, signatures, after)
    mistakes += history_mistakes(product, schema, signatures, columns)
    mistakes += target_mistakes(product, schema, mapping, columns)
    mistakes += candidate_mistakes(product, _input_names(product, schema))
    mistakes += split_mistakes(product)
    mistakes += gate_mistakes(product)
    mistakes += behaviour_mistakes(product, schema)
    mistakes += check_mistakes(product, schema, columns)
    there = columns[product.examples.source.name]
    mistakes += coverage_mistakes(product, request, rules, there)
    live = [name for name, rule in rules.items() if all_known(rule.arguments, request)]
    packed = pack_product(product, project_dir, live, mistakes)
    metric_code = metric_identities(product, project_dir, mistakes)
    if mistakes:
        raise AuthorError.of(_unique(mistakes))
    return Bound(
        product=product,
        project_dir=project_dir,
        schema=schema,
        features=feature_set(product, schema, signatures, packed.features, columns),
        packed=packed.released.sources,
        label_source=packed.label.sources,
        label_place=next(iter(packed.label.locations.values()), None),
        mapping=mapping,
        zone=zone,
        sources=sources,
        postprocess=tuple(
            definition(p, after[p.name], packed.released, unit=getattr(product.target, "unit", ""))
            for p in product.postprocess
        ),
        metric_code=metric_code,
        outliers=_outliers(product, rules, packed, request),
    )


def _unique(mistakes: list[Mistake]) -> list[Mistake]:
    return list(dict.fromkeys(mistakes))


def _only(kind: type[T], declared: Iterable[Any]) -> list[T]:
    """Those of that kind; what else stands there is reported elsewhere."""
    return [each for each in declared if isinstance(each, kind)]


def _schema(product: Declaration, mistakes: list[Mistake]) -> RequestSchema:
    with collecting(mistakes):
        return request_schema(product.request)
    return _names_only(product.request)


def _names_only(request: Any) -> RequestSchema:
    """Fields that raise no further mistakes, in place of a request that cannot be read."""
    names = getattr(request, "__annotations__", {})
    return RequestSchema(
        name=getattr(request, "__name__", "?"),
        fields=tuple(Field(name=name, kind="str", optional=True) for name in names),
    )


def _input_names(product: Declaration, schema: RequestSchema) -> tuple[str, ...]:
    """Everything a baseline may group by, as far as the declarations can be read."""
    fields = [f.name for f in schema.fields if f.model_input]
    made = [f for f in product.features if isinstance(f, RequestFeature)]
    features = [f.name for f in made if f.model_input]
    histories = [f for f in product.features if isinstance(f, History)]
    return (*fields, *features, *(name for h in histories for name in h.aggregates))


def _signatures_of(
    declared: Iterable[DeclaredFunction], mistakes: list[Mistake]
) -> dict[str, Signature]:
    found: dict[str, Signature] = {}
    for each in declared:
        with collecting(mistakes):
            found[each.name] = signature_of(each)
    return found


def _outliers(
    product: Declaration,
    signatures: Mapping[str, Signature],
    packed: PackedProduct,
    request: Mapping[str, str],
) -> BoundOutliers:
    rules = []
    for declared in product.outliers:
        if isinstance(declared, OutlierRule):
            signature = signatures[declared.name]
            live = all_known(signature.arguments, request)
            made = definition(declared, signature, packed.released if live else packed.apart)
            rules.append(
                BoundRule(
                    definition=replace(made, optional=True),
                    live=live,
                    leave_out_of_test=declared.leave_out_of_test,
                )
            )
    return BoundOutliers(
        limits=tuple(o for o in product.outliers if isinstance(o, Outliers)),
        rules=tuple(rules),
        source=packed.apart.sources,
        columns=asked_columns(product.outliers, signatures, request, product.target.name),
        request=request,
    )
