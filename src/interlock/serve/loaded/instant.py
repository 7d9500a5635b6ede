"""The moment a request is about: what it says, else the service's clock.

>>> from datetime import date
>>> from interlock.data.request import Field
>>> schema = RequestSchema(
...     name="House", fields=(Field(name="on", kind="date", asked_at=True, zone="UTC"),)
... )
>>> asked_instant(schema, (date(1970, 1, 2),), 0)
86400000000
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from interlock.clock import DAY, format_span, instant_of
from interlock.data.request import RequestSchema
from interlock.serve.errors import FieldMistake, ServiceError

Values = tuple[Any, ...]


def asked_instant(schema: RequestSchema, values: Values, clock: int) -> int:
    """The instant (µs UTC) in the schema's time field, else ``clock``."""
    return instant_reader(schema, None)(values, clock)


def instant_reader(schema: RequestSchema, tolerance: int | None) -> Callable[[Values, int], int]:
    """A function from (values, clock) to the request's instant.

    With a ``tolerance`` (µs) it raises ServiceError S126 for a time further than that from the
    clock. A date is as near as the nearest moment of its day.
    """
    field = schema.asked_at
    if field is None:
        return lambda values, clock: clock
    place, zone, name = schema.fields.index(field), field.zone, field.name
    slack = DAY if field.kind == "date" else 0

    def read(values: Values, clock: int) -> int:
        instant = instant_of(values[place], zone=zone)
        if tolerance is not None and not -tolerance - slack <= instant - clock <= tolerance:
            raise _too_far(name, str(values[place]), tolerance)
        return instant

    return read


def _too_far(name: str, got: str, tolerance: int) -> ServiceError:
    expected = f"within {format_span(tolerance)} of the present"
    mistake = FieldMistake(field=name, what="is too far away", expected=expected, got=got)
    return ServiceError("S126", "the time asked about is too far from the present", [mistake])
