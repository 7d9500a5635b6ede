"""Request columns held to the request's rules: what live does to a request, done to a table.

Invariant: a row is valid here exactly when a live request with its values is. One difference in
form is allowed: whole numbers may be stored as floats, as tables with gaps often have them.

>>> from interlock.data.request import Field, RequestSchema
>>> schema = RequestSchema(name="House", fields=(Field(name="rooms", kind="int", gt=0),))
>>> validate_columns(schema, pa.table({"rooms": [3, 0, None]}))  # doctest: +NORMALIZE_WHITESPACE
Validated(columns={'rooms': [3, None, None]},
          reasons=[None, 'rooms: must be > 0', 'rooms: is missing'])
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from interlock.data.conform import conform, python_values, type_problem
from interlock.data.mistakes import unknown_column, wrong_type
from interlock.data.request import Field, RequestSchema
from interlock.errors import AuthorError, Mistake


class Validated(NamedTuple):
    """Python values by field, and for each row the first reason it is invalid, or None.

    Values are int, float, str, bool, date, aware datetime, or None where missing or invalid.
    """

    columns: dict[str, list[Any]]
    reasons: list[str | None]


def validate_columns(
    schema: RequestSchema,
    table: pa.Table,
    *,
    names: Mapping[str, str] | None = None,
    parse: bool = False,
    where: str = "",
) -> Validated:
    """Every field's column of the table, and why a row is invalid.

    ``names`` maps a field to the table's column where they differ; with ``parse`` text columns
    are read as numbers (a CSV file). An optional field's column may be absent. Raises AuthorError
    D103 (no such column) and D104 or D105 (wrong type), all at once.
    """
    named = {f.name: (names or {}).get(f.name, f.name) for f in schema.fields}
    mistakes = [
        mistake
        for f in schema.fields
        if (mistake := _mistake(f, named[f.name], table, parse=parse, where=where)) is not None
    ]
    if mistakes:
        raise AuthorError.of(mistakes)
    columns: dict[str, list[Any]] = {}
    reasons: list[str | None] = [None] * table.num_rows
    for f in schema.fields:
        if named[f.name] not in table.column_names:
            columns[f.name] = [None] * table.num_rows
            continue
        found = conform(table[named[f.name]], f.rule)
        columns[f.name] = python_values(found.values)
        for fault in found.faults:
            reason = f"{f.name}: {fault.phrase}"
            for row in fault.rows.tolist():
                reasons[row] = reasons[row] or reason
    return Validated(columns, reasons)


def _mistake(
    declared: Field, column: str, table: pa.Table, *, parse: bool, where: str
) -> Mistake | None:
    if column not in table.column_names:
        if declared.optional:
            return None
        return unknown_column(
            column, table.column_names, where=where, use=f"request field '{declared.name}'"
        )
    problem = type_problem(table[column].type, declared.kind, parse=parse)
    if problem is None:
        return None
    return wrong_type(column, declared.kind, problem, where=where)
