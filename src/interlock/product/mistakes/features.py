"""What can be wrong with request features: their names, their arguments, their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from interlock.data.request import RequestSchema
from interlock.errors import Mistake
from interlock.features.aggregates import History
from interlock.features.declare import RequestFeature, Signature
from interlock.product.declaration import Declaration
from interlock.product.mistakes.nearest import nearest
from interlock.product.order import order_of


def feature_mistakes(
    product: Declaration, schema: RequestSchema, signatures: Mapping[str, Signature]
) -> Iterator[Mistake]:
    """Names used twice, arguments that nothing provides, circles."""
    declared = [f for f in product.features if isinstance(f, RequestFeature)]
    fields = {field.name for field in schema.fields}
    known = fields | {f.name for f in declared} | {"as_of"}
    seen = set(fields)
    for feature in declared:
        if feature.name in seen:
            yield _used_twice(feature)
        seen.add(feature.name)
        arguments = signatures[feature.name].arguments if feature.name in signatures else {}
        yield from (_unknown(feature, a, known) for a in arguments if a not in known)
    for strange in (f for f in product.features if not isinstance(f, RequestFeature | History)):
        yield Mistake(
            code="F104",
            what="features=[…] holds something that is not a feature",
            expected="functions under @il.feature, and il.History(…)",
            got=repr(strange)[:80],
            fix="put @il.feature over the function",
        )
    needs = {name: tuple(s.arguments) for name, s in signatures.items()}
    for circle in order_of(needs, fields | {"as_of"})[1]:
        yield Mistake(
            code="F105",
            what="features need one another in a circle",
            expected="an order in which each can be computed",
            got=" → ".join([*circle, circle[0]]),
            fix="take one of the arguments away",
        )


def _used_twice(feature: RequestFeature) -> Mistake:
    return Mistake(
        code="F103",
        what=f"the name '{feature.name}' is used twice",
        where=feature.where,
        expected="names that differ among request fields, features and aggregates",
        fix="rename the feature",
    )


def _unknown(feature: RequestFeature, argument: str, known: Iterable[str]) -> Mistake:
    return Mistake(
        code="F106",
        what=f"{feature.name} asks for '{argument}', which nothing provides",
        where=feature.where,
        expected="names of request fields, of other request features, or as_of",
        got=argument,
        fix=nearest(argument, known) or "declare it on the request, or correct the name",
    )
