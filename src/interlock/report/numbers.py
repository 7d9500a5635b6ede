"""How numbers, spans and moments are written, everywhere a person reads them.

>>> significant(0.16312), significant(18204), significant(12.84), significant(3.2e-13)
('0.163', '18,204', '12.8', '3.20e-13')
>>> pair(0.15004, 0.15)       # what differs is never shown as equal
('0.15004', '0.15000')
>>> between(0.1582, 0.1677), percent(0.128)
('0.158–0.168', '12.8 %')
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from interlock.clock import DAY, HOUR, MINUTE, SECOND, to_datetime
from interlock.report.names import shown

NOT_MEASURED = "not measured"
_TINY = 1e-4
_MOST_DECIMALS = 9


def significant(value: float | None, digits: int = 3) -> str:
    """``value`` with ``digits`` significant digits; whole numbers and thousands in full."""
    if value is None:
        return NOT_MEASURED
    strange = _not_finite(value)
    if strange:
        return strange
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) < _TINY or abs(value) >= 1e15:
        return _scientific(value, digits)
    return f"{value:,.{_decimals(value, digits)}f}"


def plain_number(value: float) -> str:
    """Without a thousands separator below 10,000, for the number may be a year."""
    whole = value == value and abs(value) < 10_000 and value == int(value)
    return str(int(value)) if whole else significant(value, 4)


def plain_numbers(values: Iterable[float]) -> list[str]:
    """Several of one kind, all written alike: years have no neighbour of 10,000.

    >>> plain_numbers([1877, 1997]), plain_numbers([2100, 216_421])
    (['1877', '1997'], ['2,100', '216,421'])
    """
    found = list(values)
    if any(abs(value) >= 10_000 for value in found):
        return [significant(value, 4) for value in found]
    return [plain_number(value) for value in found]


def pair(measured: float | None, threshold: float | None) -> tuple[str, str]:
    """Both values to the same decimals, and to as many as tell them apart."""
    if measured is None or threshold is None:
        return significant(measured), significant(threshold)
    values = (measured, threshold)
    if any(_not_finite(value) or _needs_exponent(value) for value in values):
        return significant(measured), significant(threshold)
    if all(value == int(value) for value in values):
        return significant(measured), significant(threshold)
    decimals = max(_decimals(max(abs(measured), abs(threshold)), 3), _typed_decimals(threshold))
    first, second = (f"{value:,.{decimals}f}" for value in values)
    while first == second and measured != threshold and decimals < _MOST_DECIMALS:
        decimals += 1
        first, second = (f"{value:,.{decimals}f}" for value in values)
    if measured != 0 and float(first.replace(",", "")) == 0:
        first = significant(measured, 1)
    return first, second


def between(low: float, high: float) -> str:
    """An interval: '0.158–0.168', with 'to' where a minus sign stands."""
    joint = " to " if low < 0 or high < 0 else "–"
    if _not_finite(low) or _not_finite(high):
        return f"{significant(low)}{joint}{significant(high)}"
    largest = max(abs(low), abs(high))
    if _needs_exponent(largest):
        return f"{significant(low)}{joint}{significant(high)}"
    if low == int(low) and high == int(high):
        return f"{int(low):,}{joint}{int(high):,}"
    decimals = max(_decimals(largest, 3), _decimals(high - low, 1) if high > low else 0)
    decimals = min(decimals, _MOST_DECIMALS)
    return f"{low:,.{decimals}f}{joint}{high:,.{decimals}f}"


def percent(share: float | None, digits: int = 3) -> str:
    """A share of 1 in per cent: 0.128 → '12.8 %'; what is not all is never shown as 100 %."""
    if share is None or _not_finite(share):
        return significant(share)
    if share in (0, 1):
        return f"{int(share * 100)} %"
    text = significant(share * 100, digits)
    while float(text.replace(",", "")) == 100 and digits < _MOST_DECIMALS:
        digits += 1
        text = significant(share * 100, digits)
    return f"{text} %"


def united(text: str, unit: str) -> str:
    """The text and its unit; none is written for "" and for "1", a plain number."""
    return text if unit in ("", "1") else f"{text} {shown(unit, limit=24)}"


def in_unit(value: float, unit: str) -> float:
    """The number to write before ``unit``: "%" stands for a share of 1, so 0.15 becomes 15."""
    return round(value * 100, 10) if unit == "%" and math.isfinite(value) else value


def measure(value: float | None, unit: str) -> str:
    """A value with its unit: '14.2 %' for 0.142 and "%", '12,310 USD'."""
    if value is None or _not_finite(value):
        return significant(value)
    return united(significant(in_unit(value, unit)), unit)


def reach(low: float, high: float, unit: str) -> str:
    """An interval's ends as they are written before ``unit``."""
    return between(in_unit(low, unit), in_unit(high, unit))


def seconds_text(seconds: float | None) -> str:
    """A duration as people say it: '0.4 s', '12 s', '2 min 5 s'; empty where it is not known."""
    if seconds is None or _not_finite(seconds):
        return ""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def span_text(span: int) -> str:
    """A span of microseconds, in its largest whole unit: '12 d', '5 h', '40 s'."""
    for size, word in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s")):
        if span >= size:
            return f"{span // size:,} {word}"
    return "0 s"


def moment(instant: int, *, zone: str = "UTC") -> str:
    """'1997-06-30' at a day's first moment in ``zone``, else '1997-06-30 14:05 UTC'."""
    when = to_datetime(instant, zone=zone)
    if (when.hour, when.minute, when.second, when.microsecond) == (0, 0, 0, 0):
        return when.date().isoformat()
    return f"{when:%Y-%m-%d %H:%M} {when.tzname()}"


def _not_finite(value: float) -> str:
    if value != value:
        return "NaN"
    if math.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    return ""


def _decimals(value: float, digits: int) -> int:
    if value == 0:
        return digits - 1
    exponent = math.floor(math.log10(abs(value)))
    return min(max(0, digits - 1 - exponent), _MOST_DECIMALS)


def _typed_decimals(value: float) -> int:
    """The decimals a person typed, where the number is short enough to have been typed."""
    fraction = f"{value:.6f}".rstrip("0").partition(".")[2]
    return len(fraction) if float(f"{value:.6f}") == value else 0


def _needs_exponent(value: float) -> bool:
    return value != 0 and (abs(value) < _TINY or abs(value) >= 1e15)


def _scientific(value: float, digits: int) -> str:
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    return f"{mantissa}e{int(exponent)}"
