"""What a check cuts the rows by: names of request fields, features or source columns.

>>> names_of("stories"), names_of(["stories", "garage"])
(('stories',), ('stories', 'garage'))
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.errors import AuthorError
from interlock.evaluate.parts import Column, Part, parts_of
from interlock.gates.model.measurement import WinnerMeasurement


def names_of(by: Any) -> tuple[str, ...]:
    """The names behind ``by``: a text, anything with a ``name``, or several of these.

    Raises AuthorError M221 for anything else, and for a name given twice.
    """
    given = [by] if isinstance(by, str) or hasattr(by, "name") else by
    if not isinstance(given, Iterable):
        raise _no_names(by)
    names = tuple(one if isinstance(one, str) else getattr(one, "name", None) for one in given)
    if any(not isinstance(name, str) or not name for name in names) or len(set(names)) < len(names):
        raise _no_names(by)
    return names  # type: ignore[return-value]


def _no_names(by: Any) -> AuthorError:
    return AuthorError(
        "M221",
        "the rows cannot be cut by that",
        expected="names of request fields, features or source columns, each once",
        got=repr(by)[:80],
        fix="write by=['field', …]",
    )


def parts_by(
    measurement: WinnerMeasurement, names: Iterable[str], rows: NDArray[np.bool_] | None = None
) -> tuple[Part, ...]:
    """All parts of these columns, or of their ``rows`` (n_rows,).

    Raises LookupError for a column that was not measured.
    """
    found: list[Part] = []
    for name in names:
        column = measurement.columns[name]
        if len(column) != len(measurement.y):
            raise LookupError(f"{name} has {len(column)} values for {len(measurement.y)} rows")
        found += parts_of(name, column if rows is None else _taken(column, rows))
    return tuple(found)


def _taken(column: Column, rows: NDArray[np.bool_]) -> Column:
    if isinstance(column, np.ndarray):
        return column[rows]
    return [column[int(place)] for place in np.flatnonzero(rows)]
