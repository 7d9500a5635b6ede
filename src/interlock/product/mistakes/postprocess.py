"""What can be wrong with post-processing: what it is of, what it asks for, what may be missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from interlock.data.request import RequestSchema
from interlock.errors import Mistake
from interlock.features.aggregates import History
from interlock.features.declare import Annotation, Postprocess, RequestFeature, Signature
from interlock.features.definition import COUNTS
from interlock.product.declaration import Declaration
from interlock.product.mistakes.nearest import nearest
from interlock.product.target import Regression
from interlock.train.postprocess import PREDICTION

_SHAPE = "(prediction: float, …) -> float"


def postprocess_mistakes(
    product: Declaration,
    schema: RequestSchema,
    features: Mapping[str, Signature],
    signatures: Mapping[str, Signature],
) -> Iterator[Mistake]:
    """Everything that is wrong; ``features`` and ``signatures`` are those of features and of
    post-processing functions that can be read."""
    if not product.postprocess:
        return
    if not isinstance(product.target, Regression):
        yield Mistake(
            code="C143",
            what="post-processing is for regressions, and the target is one of classes",
            expected="a target il.Regression(…), or no postprocess=[…]",
            got=f"il.{type(product.target).__name__}",
            fix="remove postprocess=[…]; probabilities are mended by calibrate='sigmoid'",
        )
    missable = _missable(product, schema, features)
    yield from _name_mistakes(product, {PREDICTION} & set(missable))
    for declared in product.postprocess:
        if isinstance(declared, Postprocess) and declared.name in signatures:
            yield from _signature_mistakes(declared, signatures[declared.name], missable)


def _name_mistakes(product: Declaration, taken: set[str]) -> Iterator[Mistake]:
    seen: set[str] = set()
    for declared in product.postprocess:
        if not isinstance(declared, Postprocess):
            yield Mistake(
                code="F140",
                what="postprocess=[…] holds something that is not a post-processing function",
                expected="functions under @il.postprocess",
                got=repr(declared)[:80],
                fix="put @il.postprocess over the function",
            )
        elif declared.name in seen:
            yield Mistake(
                code="F103",
                what=f"the name '{declared.name}' is used twice",
                where=declared.where,
                expected="each post-processing function once",
                fix="rename the function, or list it once",
            )
        seen.add(getattr(declared, "name", ""))
    for name in taken:
        yield Mistake(
            code="F141",
            what=f"'{name}' is a value of the request or a feature, and post-processing's own word",
            expected=f"'{name}' to mean what the model says",
            got=f"a request field, feature or aggregate named '{name}'",
            fix="rename it",
        )


def _signature_mistakes(
    declared: Postprocess, signature: Signature, missable: Mapping[str, bool]
) -> Iterator[Mistake]:
    number = Annotation(kind="float")
    if signature.arguments.get(PREDICTION) != number or signature.result != number:
        yield Mistake(
            code="F141",
            what=f"{declared.name} is not of the form of post-processing",
            where=declared.where,
            expected=_SHAPE,
            got=_shown(signature),
            fix="take the prediction as a float, by that name, and return a float",
        )
    for name, annotation in signature.arguments.items():
        if name == PREDICTION:
            continue
        if name not in missable:
            yield Mistake(
                code="F106",
                what=f"{declared.name} asks for '{name}', which nothing provides",
                where=declared.where,
                expected="prediction, and names of request fields, features and aggregates",
                got=name,
                fix=nearest(name, missable) or "declare it on the request, or correct the name",
            )
        elif missable[name] and not annotation.optional:
            yield Mistake(
                code="F142",
                what=f"{declared.name} asks for '{name}', which may be missing",
                where=declared.where,
                expected=f"{name}: {annotation.kind} | None",
                got=f"{name}: {annotation.kind}",
                fix="admit None, and say in the function what is answered without it",
            )


def _shown(signature: Signature) -> str:
    parts = [f"{name}: {_type(a)}" for name, a in signature.arguments.items()]
    return f"({', '.join(parts)}) -> {_type(signature.result)}"


def _type(annotation: Annotation) -> str:
    return f"{annotation.kind} | None" if annotation.optional else annotation.kind


def _missable(
    product: Declaration, schema: RequestSchema, features: Mapping[str, Signature]
) -> dict[str, bool]:
    """Every value that a function may ask for, and whether it may be missing."""
    found = {field.name: field.optional for field in schema.fields}
    left = {f.name: features.get(f.name) for f in product.features if isinstance(f, RequestFeature)}
    for _ in left:  # each round settles one at least, for they need one another in no circle
        for name, signature in left.items():
            found[name] = signature is None or _feature_missable(signature, found)
    for history in product.features:
        if isinstance(history, History):
            for name, aggregate in history.aggregates.items():
                counts = getattr(aggregate, "function", "") in COUNTS
                found[name] = getattr(aggregate, "default", None) is None and not counts
    return found


def _feature_missable(signature: Signature, known: Mapping[str, bool]) -> bool:
    """A feature is missing where it says so, or where what it needs is."""
    needed = (name for name, a in signature.arguments.items() if not a.optional)
    return signature.result.optional or any(known.get(name, False) for name in needed)
