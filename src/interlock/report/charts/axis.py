"""Scales and axes with ticks at round numbers.

Heckbert, "Nice numbers for graph labels", Graphics Gems (1990).

>>> nice_ticks(0.13, 0.29)
(0.15, 0.2, 0.25)
>>> tick_labels((0.0, 50_000.0, 100_000.0)), tick_labels((1900.0, 1950.0), years=True)
(('0', '50k', '100k'), ('1900', '1950'))
>>> nice_end(0.126), nice_end(0.2), nice_end(0.7)
(0.2, 0.2, 1.0)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from interlock.report.charts.svg import label, line


@dataclass(frozen=True, kw_only=True)
class Scale:
    """From values ``low``…``high`` to positions ``start``…``end``; outside is put at the rim.

    One value alone, ``low`` equal to ``high``, is put in the middle.
    """

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The position of ``value``."""
        inside = min(max(value, self.low), self.high)
        if self.low == self.high:
            share = 0.5
        elif self.logarithmic:
            share = math.log(inside / self.low) / math.log(self.high / self.low)
        else:
            share = (inside - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, count: int = 5) -> tuple[float, ...]:
        """About ``count`` round values within the scale."""
        if self.logarithmic:
            return log_ticks(self.low, self.high, count)
        return nice_ticks(self.low, self.high, count)


def spanning(
    values: Iterable[float | None], *, start: float, end: float, zero: bool = False
) -> Scale:
    """A scale over all finite ``values`` with a little air; ``zero`` makes it begin there."""
    found = [value for value in values if value is not None and math.isfinite(value)]
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    if zero:
        low, high = min(0.0, low), max(0.0, high)
    air = (high - low) * 0.06 or abs(high) * 0.1 or 0.5
    return Scale(
        low=low if zero and low == 0 else low - air,
        high=high if zero and high == 0 else high + air,
        start=start,
        end=end,
    )


def nice_end(value: float) -> float:
    """Where an axis of shares ends that must show ``value``: 1, 0.5, 0.2, 0.1, …, 0.001."""
    ends = [lead * 10.0**power for power in range(-3, 0) for lead in (1, 2, 5)]
    return next((round(end, 3) for end in ends if value <= end), 1.0)


def nice_ticks(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """Multiples of 1, 2 or 5 times a power of ten between ``low`` and ``high``."""
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return (low,) if math.isfinite(low) else ()
    step = _nice_step((high - low) / max(1, count - 1))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(_clean(k * step, step) for k in range(first, last + 1))


def log_ticks(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """1, 2 and 5, or fewer of them, times powers of ten between ``low`` > 0 and ``high``."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: tuple[float, ...] = ()
    for leads in ((1, 2, 5), (1, 3), (1,)):
        ticks = [lead * 10.0**power for power in powers for lead in leads]
        found = tuple(_clean(tick, tick) for tick in ticks if low <= tick <= high)
        if len(found) <= count + 1:
            break
    return found or nice_ticks(low, high, count)


def tick_labels(
    ticks: Sequence[float], *, percent: bool = False, years: bool = False
) -> tuple[str, ...]:
    """The ticks' texts, with as many decimals as tell them apart; thousands as k, M, G.

    With ``years`` the numbers may be years: no separator below 10,000.
    """
    if percent:
        return tuple(f"{text} %" for text in tick_labels([tick * 100 for tick in ticks]))
    largest = max((abs(tick) for tick in ticks), default=0.0)
    if largest >= 10_000:
        power = min(3, int(math.log10(largest) + 1e-9) // 3)
        divided = [_clean(tick / 1000**power, tick) for tick in ticks]
        if _decimals(divided) > 2:
            return tuple(_short(tick) for tick in ticks)
        decimals = _decimals(divided)
        texts = (f"{tick:,.{decimals}f}" for tick in divided)
        return tuple(text if text == "0" else f"{text}{'kMG'[power - 1]}" for text in texts)
    if 0 < largest < 1e-3:
        return tuple("0" if tick == 0 else f"{tick:.0e}".replace("e-0", "e-") for tick in ticks)
    decimals = _decimals(ticks)
    texts = (f"{tick:,.{decimals}f}" for tick in ticks)
    return tuple(text.replace(",", "") if years else text for text in texts)


def horizontal_axis(
    scale: Scale,
    *,
    top: float,
    bottom: float,
    title: str = "",
    percent: bool = False,
    years: bool = False,
    count: int = 5,
) -> list[Markup]:
    """Grid lines from ``top`` to ``bottom``, tick texts under it, and the title under them."""
    ticks = scale.ticks(count)
    made: list[Markup] = []
    texts = tick_labels(ticks, percent=percent, years=years)
    for tick, text in zip(ticks, texts, strict=True):
        x = scale(tick)
        made.append(line(x, top, x, bottom, "grid"))
        made.append(label(text, x, bottom + 14, anchor="middle", class_="tick"))
    if title:
        middle = (scale.start + scale.end) / 2
        room = abs(scale.end - scale.start) + 60
        made.append(label(title, middle, bottom + 30, anchor="middle", class_="axis", room=room))
    return made


def vertical_axis(
    scale: Scale,
    *,
    left: float,
    right: float,
    title: str = "",
    percent: bool = False,
    count: int = 5,
) -> list[Markup]:
    """Grid lines from ``left`` to ``right``, tick texts before them, the title above them."""
    ticks = scale.ticks(count)
    made: list[Markup] = []
    for tick, text in zip(ticks, tick_labels(ticks, percent=percent), strict=True):
        y = scale(tick)
        made.append(line(left, y, right, y, "grid"))
        made.append(label(text, left - 5, y + 4, anchor="end", class_="tick"))
    if title:
        top = min(scale.start, scale.end)
        made.append(label(title, 2, top - 9, class_="axis", room=right - 2))
    return made


def _nice_step(raw: float) -> float:
    power = 10.0 ** math.floor(math.log10(raw))
    lead = raw / power
    return power * next(nice for nice in (1, 2, 5, 10) if lead <= nice * 1.26 or nice == 10)


def _clean(value: float, step: float) -> float:
    """``value`` without the dust of binary arithmetic."""
    if value == 0:
        return 0.0
    return round(value, max(0, 2 - math.floor(math.log10(abs(step)))))


def _decimals(values: Sequence[float]) -> int:
    """The fewest decimals, at most 6, that write all values exactly."""
    for decimals in range(6):
        if all(abs(round(v, decimals) - v) < 1e-9 * max(1.0, abs(v)) for v in values):
            return decimals
    return 6


def _short(value: float) -> str:
    for size, word in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{word}"
    return f"{value:g}"
