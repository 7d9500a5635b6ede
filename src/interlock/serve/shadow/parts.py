"""The parts that rows in shadow are compared in, by the value of a field or a range of its numbers.

As :mod:`interlock.evaluate.parts` cuts rows, but of a table larger than memory: where numbers are
cut is told by a sample that depends on the rows alone, and of many values the smaller ones are one
part, so that there is no row that lies in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from interlock.evaluate.parts import MOST_RANGES, MOST_VALUES, number_texts
from interlock.serve.shadow.pairs import Pairs
from interlock.wording import counted

MOST_PARTS = 20
"""Values of a column that are parts of their own, the largest ones."""
_SAMPLE = 20_000
_AT = np.arange(1, MOST_RANGES) / MOST_RANGES
_MISSING, _OTHER = -1, 0


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A column and how its rows are divided: ``number`` is SQL for a row's part, of ``labels``."""

    column: str
    number: str
    labels: dict[int, str]


WHOLE = Cut(column="", number="1", labels={1: "all rows"})


def cut(pairs: Pairs, k: int) -> Cut:
    """How the rows are divided by the k-th name."""
    sample = pairs.rows(
        f"SELECT n{k}, t{k} FROM pairs WHERE t{k} IS NOT NULL "  # noqa: S608 - a number
        f"ORDER BY hash(unit, t{k}), t{k} LIMIT {_SAMPLE}"
    )
    numbers = [number for number, _ in sample if number is not None]
    if len(numbers) == len(sample) and len(set(numbers)) > MOST_VALUES:
        return _ranges(pairs.names[k], k, numbers)
    return _values(pairs, k)


def _ranges(name: str, k: int, numbers: Sequence[float]) -> Cut:
    edges = np.unique(np.quantile(numbers, _AT, method="inverted_cdf"))
    texts = number_texts(edges)
    middle = [f"{low} to below {high}" for low, high in pairwise(texts)]
    labels = [f"below {texts[0]}", *middle, f"{texts[-1]} and above"]
    passed = " + ".join(f"(n{k} >= {float(edge)!r})::INTEGER" for edge in edges)
    return Cut(
        column=name,
        number=f"CASE WHEN n{k} IS NOT NULL THEN 1 + {passed} "
        f"WHEN t{k} IS NULL THEN {_MISSING} ELSE {_OTHER} END",
        labels={_MISSING: "missing", _OTHER: "no number"} | dict(enumerate(labels, 1)),
    )


def _values(pairs: Pairs, k: int) -> Cut:
    found = pairs.rows(
        f"SELECT t{k}, count(*) OVER () FROM pairs WHERE t{k} IS NOT NULL "  # noqa: S608 - a number
        f"GROUP BY t{k} ORDER BY count(*) DESC, t{k} LIMIT {MOST_PARTS}"
    )
    texts = [text for text, _ in found]
    others = found[0][1] - len(found) if found else 0
    whens = "".join(
        f" WHEN t{k} = {_quoted(text)} THEN {number}" for number, text in enumerate(texts, 1)
    )
    return Cut(
        column=pairs.names[k],
        number=f"CASE WHEN t{k} IS NULL THEN {_MISSING}{whens} ELSE {_OTHER} END",
        labels={_MISSING: "missing", _OTHER: counted(others, "other value")}
        | dict(enumerate(texts, 1)),
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''").replace("\0", "") + "'"
