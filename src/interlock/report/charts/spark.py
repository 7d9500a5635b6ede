"""Pictures small enough for a table's cell: the table's row is their data."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from interlock.evaluate.compare import Estimate
from interlock.report.charts.axis import Scale
from interlock.report.charts.marks import marker
from interlock.report.charts.svg import box, drawing, line, tag
from interlock.report.content import CandidateKind

_WIDTH, _HEIGHT = 96, 24


def density(title: str, edges: Sequence[float], counts: Sequence[int], missing: int = 0) -> Markup:
    """A step line of density, for bins of different widths; missing rows are a bar apart."""
    low, high = _seen(edges)
    span = (high - low) or 1.0
    least = span / 60  # a bin of one value alone would be infinitely high
    heights = [
        count / max(right - left, least)
        for count, left, right in zip(counts, edges, edges[1:], strict=False)
    ]
    places = [(min(max(edge, low), high) - low) / span for edge in edges]
    return _steps(title, heights, places, _share(missing, counts))


def _share(missing: int, counts: Sequence[int]) -> float:
    total = sum(counts) + missing
    return missing / total if total else 0.0


def _seen(edges: Sequence[float]) -> tuple[float, float]:
    """The range drawn: far tails are cut, or one great value would flatten all others."""
    inner = edges[-2] - edges[1]
    if len(edges) < 4 or inner <= 0:
        return edges[0], edges[-1]
    return max(edges[0], edges[1] - inner), min(edges[-1], edges[-2] + inner)


def bars(title: str, counts: Sequence[int], missing: int = 0) -> Markup:
    """Equal bars, the most frequent first; missing rows are a bar apart."""
    places = [i / max(1, len(counts)) for i in range(len(counts) + 1)]
    return _steps(title, [float(count) for count in counts], places, _share(missing, counts))


def _steps(title: str, heights: Sequence[float], places: Sequence[float], missing: float) -> Markup:
    """The missing bar's height is their share of all rows: full height is all of them."""
    most = max(heights, default=0.0) or 1.0
    drawn = [f"M0 {_HEIGHT}"]
    for height, right in zip(heights, places[1:], strict=False):
        drawn.append(f"V{_HEIGHT - 22 * height / most:.0f}H{right * _WIDTH:.0f}")
    parts = [tag("path", d="".join([*drawn, f"V{_HEIGHT}Z"]), class_="bar")]
    if missing:
        tall = max(1.5, _HEIGHT * missing)
        parts.append(box(_WIDTH + 4, 0, 6, _HEIGHT, "empty"))
        parts.append(box(_WIDTH + 4, _HEIGHT - tall, 6, tall, "missing"))
    return drawing(title, _WIDTH + 10, _HEIGHT, parts, class_="spark")


def share(title: str, value: float, *, class_: str = "missing") -> Markup:
    """A bar of a share of 1."""
    filled = max(0.0, min(1.0, value)) * 60
    parts = [box(0, 0, 60, 8, "empty"), box(0, 0, filled, 8, class_)]
    return drawing(title, 60, 8, parts, class_="spark")


def strip(
    title: str,
    estimate: Estimate,
    threshold: float,
    *,
    bad_above: bool | None,
    upper: float | None = None,
) -> Markup:
    """One value and its interval against one threshold, the wrong side shaded.

    With an ``upper`` threshold too, what lies above that is shaded as well.
    """
    ends = () if estimate.interval is None else (estimate.interval.low, estimate.interval.high)
    limits = [threshold] if upper is None else [threshold, upper]
    values = [estimate.value, *limits, *ends]
    low, high = min(values), max(values)
    air = (high - low) * 0.25 or abs(high) * 0.1 or 0.5
    scale = Scale(low=low - air, high=high + air, start=2, end=158)
    x = scale(threshold)
    parts: list[object] = []
    if bad_above is not None:
        start, end = (x, 158.0) if bad_above else (2.0, x)
        parts.append(box(start, 2, end - start, 20, "beyond"))
    if upper is not None:
        parts.append(box(scale(upper), 2, 158.0 - scale(upper), 20, "beyond"))
    parts.append(line(2, 12, 158, 12, "base"))
    parts += [line(scale(at), 0, scale(at), 24, "limit") for at in limits]
    if ends:
        parts.append(line(scale(ends[0]), 12, scale(ends[1]), 12, "whisker w-candidate"))
    parts.append(marker(CandidateKind.CANDIDATE, scale(estimate.value), 12, size=4.5))
    return drawing(title, 160, 24, parts, class_="strip")
