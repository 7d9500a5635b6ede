"""The inputs now and at the champion's release: drift, integrity, what gives the target away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType

from markupsafe import Markup

from interlock.clock import format_span
from interlock.report.blocks import Block, Cell, Fold, Heading, Section, Text, section, side_by_side
from interlock.report.charts import spark
from interlock.report.charts.paired import paired_spark
from interlock.report.charts.svg import tag
from interlock.report.content import Data, FaultRate, InputDrift, LabelTimes, Revealed
from interlock.report.figures.inputs import drifted, merged, shares
from interlock.report.names import shown
from interlock.report.numbers import percent, significant
from interlock.report.sections.table import Limits, cut
from interlock.stats.drift import Level
from interlock.wording import counted

_LEVELS = MappingProxyType(
    {
        Level.HIGH: ("✖", "failed"),
        Level.WARNING: ("!", "inconclusive"),
        Level.INSUFFICIENT: ("?", "skipped"),
        Level.OK: ("✔", "passed"),
    }
)
_ORDER = tuple(_LEVELS)
_MOST_DRAWN = 4  # inputs that moved, drawn in full
_MOST_REVEALED = 20


def inputs(found: Data | None, limits: Limits) -> Section | None:
    """What moved first; a part that was not measured is left out."""
    if found is None:
        return None
    return section(
        "Inputs, then and now",
        *_drift(found.drift, limits),
        *_integrity(found.faults, limits),
        *_labels(found.label_times),
        *_revealed(found.revealed, limits),
    )


def _drift(found: Sequence[InputDrift], limits: Limits) -> Iterable[Block]:
    if not found:
        return
    ranked = sorted(found, key=lambda d: (_ORDER.index(d.level), -d.shift.psi, d.name))
    yield Text(text=_tally(ranked))
    moved = [d for d in ranked if d.level in (Level.HIGH, Level.WARNING)]
    moved = moved[: min(_MOST_DRAWN, limits.figures)]
    yield from side_by_side(*(drifted(one) for one in moved))
    head = ("input", "", "PSI", "chance (q)", "how far", "rows then", "now", "then and now")
    rows = [_moved(one) for one in ranked[: limits.drawn_columns]]
    table = cut("", head, rows, limits, most=limits.drawn_columns)
    yield Fold(summary="Every input", blocks=(table,))
    left = len(ranked) - len(rows)
    if left:
        yield Text(
            text=f"{counted(left, 'more input is', 'more inputs are')} not listed.", quiet=True
        )


def _tally(found: Sequence[InputDrift]) -> str:
    words = {
        Level.HIGH: "moved far",
        Level.WARNING: "moved",
        Level.INSUFFICIENT: "with too few rows to say",
        Level.OK: "as they were",
    }
    counts = [(sum(d.level is level for d in found), word) for level, word in words.items()]
    told = ", ".join(f"{n:,} {word}" for n, word in counts if n)
    asked = counted(len(found), "input")
    return f"The test rows held to the champion's held-out rows, {asked}: {told}."


def _moved(one: InputDrift) -> tuple[Cell, ...]:
    _, before, now = merged(one)
    name = shown(one.name, limit=60)
    return (
        name,
        level_cell(one.level),
        f"{one.shift.psi:.3f}",
        "" if one.q is None else _chance(one.q),
        _far(one),
        f"{one.shift.rows_before:,}",
        f"{one.shift.rows_now:,}",
        paired_spark(f"{name} then and now", shares(before), shares(now)),
    )


def level_cell(level: Level) -> Markup:
    """The level's glyph and word, in its colour."""
    glyph, state = _LEVELS[level]
    text = f"{glyph} {level.value}"
    return tag("span", tag("span", text, class_="state"), class_=state)


def _chance(q: float) -> str:
    return "< 0.0001" if q < 1e-4 else significant(q, 2)


def _far(one: InputDrift) -> str:
    if one.magnitude is None:
        return ""
    if one.kind in ("str", "category", "bool"):
        return f"{percent(one.magnitude, 2)} of rows"
    return f"{one.magnitude:.2f} σ"


def _integrity(found: Sequence[FaultRate], limits: Limits) -> Iterable[Block]:
    """Rates that are not as they were; of the others only how many they are."""
    if not found:
        return
    shown_rates = [rate for rate in found if rate.level is not Level.OK]
    ranked = sorted(
        shown_rates, key=lambda r: (_ORDER.index(r.level), -(r.share or 0.0), r.name, r.fault)
    )
    yield Heading(text="Missing, unseen and out-of-range values")
    sound = len(found) - len(shown_rates)
    if sound:
        yield Text(text=f"{counted(sound, 'rate')} of {len(found):,} within the limit.", quiet=True)
    if ranked:
        head = ("input", "fault", "", "then", "now", "admitted", "rows now")
        yield cut("", head, [_rate(rate) for rate in ranked], limits)


def _rate(rate: FaultRate) -> tuple[Cell, ...]:
    return (
        shown(rate.name, limit=60),
        rate.fault,
        level_cell(rate.level),
        _share(rate.reference),
        _share(rate.share),
        "" if rate.limit is None else f"≤ {percent(rate.limit)}",
        f"{rate.rows:,}",
    )


def _share(value: float | None) -> str:
    return "not known" if value is None else percent(value)


def _labels(times: LabelTimes | None) -> Iterable[Block]:
    if times is None:
        return
    yield Heading(text="When labels come")
    said = [f"Declared to be known within {format_span(times.delay)} of the event"]
    if times.measured is not None:
        measured = times.measured
        said.append(
            f"of {counted(measured.n, 'label')} half were known within "
            f"{format_span(measured.median)}, 95 % within {format_span(measured.p95)}, "
            f"{percent(measured.late / measured.n)} later than"
            " declared"
        )
    if times.newest:
        newest = (
            f"{percent(times.newest_without / times.newest)} of the newest {times.newest:,} rows"
        )
        older = (
            f", {percent(times.older_without / times.older)} of the {times.older:,} older ones"
            if times.older
            else ""
        )
        said.append(f"no label has come for {newest} that are due{older}")
    yield Text(text="; ".join(said) + ".")


def _revealed(found: Sequence[Revealed], limits: Limits) -> Iterable[Block]:
    if not found:
        return
    ranked = sorted(found, key=lambda one: (-one.strength, one.name))
    rows = [_tells(one) for one in ranked[:_MOST_REVEALED]]
    measure = ranked[0].measure
    head = ("input", measure, "", "rows")
    table = cut("", head, rows, limits, most=_MOST_REVEALED)
    note = Text(
        text="How well each input alone, without a model, says what the target is; near 1 it gives"
        " the target away.",
        quiet=True,
    )
    yield Fold(summary="What each input alone tells of the target", blocks=(note, table))


def _tells(one: Revealed) -> tuple[Cell, ...]:
    name = shown(one.name, limit=60)
    bar = spark.share(f"{name}: {one.measure} {one.strength:.3f}", one.strength, class_="bar")
    return (
        name,
        f"{one.strength:.3f}" if one.varies else "the same everywhere",
        bar,
        f"{one.n:,}",
    )
