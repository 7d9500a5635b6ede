"""From declarations to what the path works with; every mistake is reported at once.

Invariant: a Bound product is complete and consistent: names resolve, features are ordered and
packed, columns exist and have usable types. Nothing downstream checks a declaration again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from interlock.data.peek import columns_of, schema_mistakes
from interlock.data.request import Field, RequestSchema, request_schema
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
    HistoryDefinition,
    Input,
)
from interlock.features.function import DeclaredFunction
from interlock.features.outliers import OutlierRule, Outliers
from interlock.features.pack import Packed
from interlock.product.behaviour_mistakes import behaviour_mistakes
from interlock.product.check_mistakes import check_mistakes
from interlock.product.coverage_mistakes import coverage_mistakes
from interlock.product.declaration import PRODUCT_NAME, Declaration
from interlock.product.histories import history_definition
from interlock.product.history_mistakes import history_mistakes
from interlock.product.metrics import metric_identities, product_metrics
from interlock.product.mistakes import (
    candidate_mistakes,
    feature_mistakes,
    gate_mistakes,
    nearest,
    split_mistakes,
    target_mistakes,
)
from interlock.product.order import order_of
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
from interlock.product.postprocess_mistakes import postprocess_mistakes
from interlock.product.target import target_row

T = TypeVar("T")

MODEL_KINDS = ("int", "float", "bool", "str", "category")


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
    sources = _sources(product, mistakes)
    columns = {n: _columns(s, project_dir, dates, mistakes) for n, s in sources.items()}
    mapping = {**{f.name: f.name for f in schema.fields}, **dict(product.examples.mapping)}
    mistakes += list(_name_mistakes(product, schema, mapping, columns))
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
        features=_feature_set(product, schema, signatures, packed.features, columns),
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


def _sources(product: Declaration, mistakes: list[Mistake]) -> dict[str, Source]:
    found: dict[str, Source] = {}
    histories = [f.source for f in product.features if isinstance(f, History)]
    for source in (product.examples.source, *histories):
        other = found.setdefault(source.name, source)
        if other.to_row() != source.to_row():
            mistakes.append(
                Mistake(
                    code="C171",
                    what=f"two different sources are both named '{source.name}'",
                    expected="one source, or a name='…' of its own for each",
                    fix="give one of them another name",
                )
            )
    return found


def _columns(
    source: Source, project_dir: Path, zone: str | None, mistakes: list[Mistake]
) -> dict[str, str]:
    """The kinds of the source's columns, as declared or else as stored."""
    mistakes += source.mistakes()
    with collecting(mistakes):
        found = columns_of(source, project_dir=project_dir)
        mistakes += schema_mistakes(
            source, found, project_dir=project_dir, zone=source.zone or zone
        )
        stored = kinds_of(found)
        return stored | {name: c.kind for name, c in source.columns.items() if name in stored}
    return {}


def kinds_of(schema: pa.Schema) -> dict[str, str]:
    """The kind of each column of an Arrow schema; 'other' where it has none."""
    return {field.name: kind_of(field.type) for field in schema}


def kind_of(arrow: pa.DataType) -> str:
    """The kind an Arrow type is read as."""
    if pa.types.is_dictionary(arrow):
        return kind_of(arrow.value_type)
    tests = (
        (pa.types.is_boolean, "bool"),
        (pa.types.is_integer, "int"),
        (pa.types.is_floating, "float"),
        (pa.types.is_decimal, "float"),
        (pa.types.is_string, "str"),
        (pa.types.is_large_string, "str"),
        (pa.types.is_date, "date"),
        (pa.types.is_timestamp, "datetime"),
    )
    return next((kind for test, kind in tests if test(arrow)), "other")


def _name_mistakes(
    product: Declaration,
    schema: RequestSchema,
    mapping: Mapping[str, str],
    columns: Mapping[str, Mapping[str, str]],
) -> Iterator[Mistake]:
    if not re.fullmatch(PRODUCT_NAME, str(product.name)):
        yield Mistake(
            code="C170",
            what="a product's name cannot be used",
            expected="lower-case letters, digits and '-', starting with a letter, at most 63",
            got=repr(product.name),
            fix="rename the product; names become folders and addresses",
        )
    fields = {field.name: field for field in schema.fields}
    for name in product.unit_fields:
        if fields and name not in fields:
            yield Mistake(
                code="C172",
                what=f"the unit names '{name}', which is not a field of the request",
                expected=f"some of {', '.join(fields)}",
                got=name,
                fix="name request fields in unit=…",
            )
    there = columns.get(product.examples.source.name, {})
    for name in product.examples.mapping:
        if fields and name not in fields:
            yield Mistake(
                code="C173",
                what=f"the examples map '{name}', which is not a field of the request",
                expected=f"some of {', '.join(fields)}",
                got=name,
                fix=f"remove {name}='…' from .map(…), or declare the field",
            )
    for name, declared in fields.items():
        if there and mapping[name] not in there and not declared.optional:
            yield Mistake(
                code="C174",
                what=f"no source column for the request field '{name}'",
                where=f"source {product.examples.source.name}",
                expected=f"one of {', '.join(sorted(there))}",
                got=mapping[name],
                fix=nearest(mapping[name], there) or f"map it: .map({name}='…')",
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


def _feature_set(
    product: Declaration,
    schema: RequestSchema,
    signatures: Mapping[str, Signature],
    packed: Packed,
    columns: Mapping[str, Mapping[str, str]],
) -> FeatureSet:
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
