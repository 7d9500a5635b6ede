"""The oracle: every aggregate and every law of time over again, slow and obviously right.

It shares no code with the SQL statement: it looks at one entity at one grid point, takes the rows
that count there one by one, and computes over them in plain Python with exact numbers. The delivery
gate and ``interlock symmetry`` recompute samples by it; property tests hold the statement to it.

The arithmetic, said once: a float enters a sum, a mean or a deviation as a whole number of
billionths, x · 10⁹ rounded half away from zero; what is added is exact, and rounded to a double
when it leaves. The mean is the sum divided by the count; a quantile lies on the line between the
two values beside (n − 1) · q.

>>> from interlock.clock import DAY
>>> from interlock.features.definition import Aggregate
>>> sales = HistoryDefinition(
...     name="market", source="sales", entity=(("area", "str"),), refresh=DAY, landing=0, digest="",
...     aggregates=(Aggregate(name="price", function="mean", column="price", window=2 * DAY,
...                           ttl=None, default=None, kind="float"),))
>>> rows = [{"area": "a", "price": p, "__event_time": t, "__available_at": t, "__key": t}
...         for t, p in ((0, 1), (DAY, 2), (2 * DAY, 4))]
>>> recompute(sales, rows, ("a",), 2 * DAY), recompute(sales, rows, ("b",), 2 * DAY)
((1.5,), (None,))
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

from interlock.features.definition import Aggregate, HistoryDefinition
from interlock.features.predicate import (
    Alternative,
    Comparison,
    Conjunction,
    Member,
    Missing,
    Negation,
    Predicate,
)
from interlock.features.where import parse_where

Row = dict[str, Any]
Key = tuple[Any, ...]

BILLION = 10**9
_VANISHING = 2**90  # of squared deviations: beside so many, less than one is beneath a double

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def can_recompute(definition: HistoryDefinition) -> bool:
    """Whether the oracle knows what the history means; SQL written by hand it does not."""
    return definition.sql is None


def recompute(
    definition: HistoryDefinition, rows: Sequence[Row], key: Key, grid: int
) -> tuple[Any, ...]:
    """The value of every aggregate for one entity at one grid point (microseconds).

    ``rows`` are the source's, as :func:`interlock.features.history.compute` takes them; rows of
    other entities may be among them. Raises ValueError for a history of SQL written by hand.
    """
    if not can_recompute(definition):
        raise ValueError(f"history '{definition.name}' is SQL written by hand")
    if any(part is None for part in key):
        return tuple(a.missing for a in definition.aggregates)
    names = [name for name, _ in definition.entity]
    own = [r for r in known_at(rows, grid) if tuple(r[name] for name in names) == key]
    own = [r for r in own if r["__event_time"] < grid]
    own.sort(key=lambda r: (r["__event_time"], r.get("__key", 0), r["__available_at"]))
    return tuple(_value(a, own, grid) for a in definition.aggregates)


def known_at(rows: Sequence[Row], grid: int) -> list[Row]:
    """The revision of each row that was in force at the moment: known by then, not yet replaced."""
    known = [r for r in rows if r["__available_at"] <= grid]
    if not known:
        return []
    if "__superseded_at" in known[0]:
        return [r for r in known if r["__superseded_at"] > grid]
    if "__key" not in known[0]:
        return known
    latest: dict[Any, Row] = {}
    for row in sorted(known, key=lambda r: int(r["__available_at"])):
        latest[row["__key"]] = row
    return list(latest.values())


def _value(wanted: Aggregate, own: Sequence[Row], grid: int) -> Any:
    """One aggregate of an entity's rows in the order of time."""
    if wanted.reach is not None:
        own = [r for r in own if r["__event_time"] >= grid - wanted.reach]
    counted = own
    if wanted.where is not None:
        predicate = parse_where(wanted.where)
        counted = [r for r in own if holds(predicate, r) is True]
    if wanted.function == "share":
        return len(counted) / len(own) if own else wanted.missing
    if wanted.column is None:
        return len(counted) or wanted.missing
    values = [_plain(r[wanted.column]) for r in counted]
    values = [v for v in values if v is not None]
    found = _FUNCTIONS[wanted.function](values, wanted) if values else None
    if found is None:
        return wanted.missing
    return _nearest(found) if wanted.kind == "float" and isinstance(found, int) else found


def holds(predicate: Predicate, row: Row) -> bool | None:
    """Whether the row fulfils the predicate; None where a missing value leaves that unknown."""
    match predicate:
        case Missing(column):
            return _plain(row[column]) is None
        case Comparison(column, sign, literal):
            value = _plain(row[column])
            return None if value is None else _COMPARE[sign](value, literal)
        case Member(column, literals):
            value = _plain(row[column])
            return None if value is None else any(value == literal for literal in literals)
        case Negation(part):
            inner = holds(part, row)
            return None if inner is None else not inner
        case Conjunction(left, right):
            return _all((holds(left, row), holds(right, row)))
        case Alternative(left, right):
            inner = _all((_not(holds(left, row)), _not(holds(right, row))))
            return _not(inner)


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _all(values: Iterable[bool | None]) -> bool | None:
    """True if all are, False if one is not, else unknown."""
    found = list(values)
    if False in found:
        return False
    return None if None in found else True


def _plain(value: Any) -> Any:
    """NaN is missing, and −0.0 is 0.0."""
    if isinstance(value, float):
        return None if math.isnan(value) else value + 0.0
    return value


def _units(values: Sequence[Any]) -> tuple[list[int], int]:
    """The values as whole numbers, and how many of them make one."""
    if isinstance(values[0], float):
        return [_half_away(v * 1e9) for v in values], BILLION
    return [int(v) for v in values], 1


def _half_away(value: float) -> int:
    whole = math.trunc(value)
    rest = value - whole
    return whole + (1 if rest >= 0.5 else -1 if rest <= -0.5 else 0)


def _nearest(whole: int, of: int = 1) -> float:
    """The double nearest to a ratio of whole numbers."""
    return float(Fraction(whole, of))


def _sum(values: Sequence[Any], _: Aggregate) -> Any:
    whole, of = _units(values)
    return sum(whole) if of == 1 else _nearest(sum(whole), of)


def _mean(values: Sequence[Any], _: Aggregate) -> float:
    whole, of = _units(values)
    return _nearest(sum(whole), of) / len(values)


def _std(values: Sequence[Any], _: Aggregate) -> float | None:
    """The sample standard deviation; none of a single value.

    Σ(x − mean)² = Σx² − (Σx)² ÷ n, exactly; with Σx = n·q + r it is (whole·n − r²) ÷ n, where
    whole = Σx² − q²·n − 2·q·r. Where ``whole`` is so great that r² ÷ n is lost in the rounding, it
    is left out, as in the statement.
    """
    n = len(values)
    if n < 2:
        return None
    units, of = _units(values)
    total, squares = sum(units), sum(u * u for u in units)
    q = abs(total) // n * (1 if total >= 0 else -1)
    r = total - q * n
    whole = squares - q * q * n - 2 * q * r
    if whole < _VANISHING:
        variance = _nearest(whole * n - r * r) / _nearest(n * (n - 1))
    else:
        variance = _nearest(whole) / (n - 1)
    return math.sqrt(variance) / of


def _quantile(values: Sequence[Any], wanted: Aggregate) -> float:
    ordered = sorted(float(v) for v in values)
    place = (len(ordered) - 1) * (wanted.quantile or 0.0)
    below, above = ordered[math.floor(place)], ordered[math.ceil(place)]
    return below + (above - below) * (place - math.floor(place))


def _median(values: Sequence[Any], _: Aggregate) -> float:
    """The middle value, or the mean of the middle two."""
    ordered = sorted(float(v) for v in values)
    n = len(ordered)
    return ordered[n // 2] if n % 2 else (ordered[n // 2 - 1] + ordered[n // 2]) / 2


_FUNCTIONS: dict[str, Callable[[Sequence[Any], Aggregate], Any]] = {
    "count": lambda values, _: len(values),
    "distinct": lambda values, _: len(set(values)),
    "sum": _sum,
    "mean": _mean,
    "std": _std,
    "min": lambda values, _: min(values),
    "max": lambda values, _: max(values),
    "median": _median,
    "quantile": _quantile,
    "latest": lambda values, _: values[-1],
    "first": lambda values, _: values[0],
}
