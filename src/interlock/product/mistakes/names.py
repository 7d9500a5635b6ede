"""What can be wrong with names: of the product, its unit, and what its examples map."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from interlock.data.request import RequestSchema
from interlock.errors import Mistake
from interlock.product.declaration import PRODUCT_NAME, Declaration
from interlock.product.mistakes.nearest import nearest


def name_mistakes(
    product: Declaration,
    schema: RequestSchema,
    mapping: Mapping[str, str],
    columns: Mapping[str, Mapping[str, str]],
) -> Iterator[Mistake]:
    """Names that cannot be used, and names of what is not there."""
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
