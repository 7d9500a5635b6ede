"""What a challenger in shadow would have answered, beside what the champion did, whole and by part.

Shares and quantiles are told with 95 % intervals over units (:mod:`interlock.stats.grouped`). A
part of fewer than 100 rows, or 30 units, is named with its count, and nothing is said of it but
that: the same rule as for the model gate's slices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.slices import FEWEST_ROWS, FEWEST_UNITS, TOO_FEW
from interlock.serve.shadow.pairs import Pairs, paired
from interlock.serve.shadow.parts import WHOLE, Cut, cut
from interlock.stats.grouped import GROUPS, Groups, Measured
from interlock.verdict import Interval

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_SEED = 5  # the same rows give the same report


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """The largest difference that does not count: in the target's unit, or as a share.

    A share is one of the champion's answer.
    """

    value: float
    relative: bool


DEFAULT_TOLERANCE = Tolerance(value=0.05, relative=True)


@dataclass(frozen=True, kw_only=True)
class Told:
    """A share or a quantile, with its interval."""

    value: float
    interval: Interval

    @classmethod
    def of(cls, measured: Measured) -> Told:
        """From a value and its ends at 95 %."""
        value, low, high = measured
        return cls(value=value, interval=Interval(low=low, high=high, level=0.95))


@dataclass(frozen=True, kw_only=True)
class Differences:
    """Challenger minus champion, of the rows that both answered with a number.

    ``quantiles`` are at 5, 25, 50, 75 and 95 %, to half a percent of themselves. ``higher`` and
    ``lower`` are the shares of rows where the challenger answers more, or less; ``beyond`` the
    share where it differs by more than the tolerance.
    """

    rows: int
    quantiles: tuple[Told, ...]
    higher: Told
    lower: Told
    beyond: Told


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Rows that both were asked about, where ``column`` is ``label``; all rows where it is "".

    ``answered`` counts the rows that the challenger answered, ``failed`` the others, ``same`` equal
    answers, ``limits`` rows of which only one of the two says that it covers them. ``agreeing`` is
    the share of equal answers; ``differences`` is None for classes, and where both numbers are
    nowhere. A part with too few rows to say anything has a ``reason`` instead.
    """

    column: str
    label: str
    rows: int
    units: int
    failed: int
    same: int
    limits: int
    agreeing: Told | None = None
    differences: Differences | None = None
    reason: str = ""

    @property
    def answered(self) -> int:
        """How many rows the challenger answered."""
        return self.rows - self.failed

    @property
    def named(self) -> str:
        """Column and label, as people read them."""
        return f"{self.column} = {self.label}" if self.column else self.label


@dataclass(frozen=True, kw_only=True)
class ShadowReport:
    """All rows, then the parts by each of the columns ``by``.

    ``unlogged`` are columns that the log does not hold, ``errors`` counts by code what the
    challenger failed with, ``waiting`` are answered rows that are not scored yet.
    """

    whole: Contrast
    by: tuple[str, ...]
    parts: tuple[Contrast, ...]
    unlogged: tuple[str, ...]
    tolerance: Tolerance
    errors: Mapping[str, int]
    waiting: int


def contrasted(
    log: Path,
    scores: Path,
    *,
    since: int,
    by: Sequence[str] = (),
    tolerance: Tolerance = DEFAULT_TOLERANCE,
) -> ShadowReport:
    """Compare the rows logged since an instant (µs UTC), also in the parts that ``by`` makes.

    Names are of request fields and features. Raises IntegrityError S153, S180, S181.
    """
    with paired(
        log,
        scores,
        since=since,
        names=by,
        tolerance=tolerance.value,
        relative=tolerance.relative,
    ) as pairs:
        (whole,) = _contrasts(pairs, WHOLE) if pairs.rows(_ANY) else (_nothing(),)
        parts = [
            contrast
            for k, name in enumerate(by)
            if name not in pairs.unlogged
            for contrast in _contrasts(pairs, cut(pairs, k))
        ]
        return ShadowReport(
            whole=whole,
            by=tuple(by),
            parts=tuple(parts),
            unlogged=pairs.unlogged,
            tolerance=tolerance,
            errors=dict(pairs.rows(_ERRORS)),
            waiting=pairs.waiting,
        )


_ANY = "SELECT 1 FROM pairs LIMIT 1"
_ERRORS = "SELECT error, count(*) FROM pairs WHERE failed GROUP BY error ORDER BY 2 DESC, 1"
_COUNTS = """
    SELECT {part} AS part, part_of, count(*), count_if(failed), count_if(same), count_if(limits),
        count(difference), count_if(difference > 0), count_if(difference < 0), count_if(beyond)
    FROM pairs GROUP BY part, part_of ORDER BY part, part_of
"""
_UNITS = (
    "SELECT part, count(*) FROM (SELECT DISTINCT {part} AS part, unit FROM pairs) GROUP BY part"
)
_SIZES = """
    SELECT part_of, size, count(*) AS counted FROM pairs
    WHERE size IS NOT NULL AND ({part}) = ? GROUP BY part_of, size
"""
_Counts = NDArray[np.float64]


def _contrasts(pairs: Pairs, by: Cut) -> Iterator[Contrast]:
    """Each part's, in the order of its number, what is left over last."""
    units = dict(pairs.rows(_UNITS.format(part=by.number)))
    counts: dict[int, _Counts] = {}
    for part, group, *found in pairs.rows(_COUNTS.format(part=by.number)):
        counts.setdefault(part, np.zeros((8, GROUPS)))[:, group] = found
    for part in sorted(counts, key=lambda number: (number < 1, -number if number < 1 else number)):
        yield _contrast(pairs, by, part, counts[part], units[part])


def _contrast(pairs: Pairs, by: Cut, part: int, counts: _Counts, units: int) -> Contrast:
    rows, failed, same, limits = (int(count) for count in counts[:4].sum(axis=1))
    too_few = rows < FEWEST_ROWS or units < FEWEST_UNITS
    answered = counts[0] - counts[1]
    return Contrast(
        column=by.column,
        label=by.labels[part],
        rows=rows,
        units=units,
        failed=failed,
        same=same,
        limits=limits,
        agreeing=None if too_few else _share(answered, counts[2], units),
        differences=None if too_few else _differences(pairs, by, part, counts[4:], units),
        reason=TOO_FEW if too_few else "",
    )


def _share(rows: _Counts, hits: _Counts, units: int) -> Told | None:
    if not rows.any():
        return None
    return Told.of(Groups.of(rows, units=units, seed=_SEED).share(hits))


def _differences(
    pairs: Pairs, by: Cut, part: int, counts: _Counts, units: int
) -> Differences | None:
    numbers, higher, lower, beyond = counts
    if not numbers.any():
        return None
    groups = Groups.of(numbers, units=units, seed=_SEED)
    sizes = pairs.connection.execute(_SIZES.format(part=by.number), [part]).fetchnumpy()
    quantiles = groups.quantiles(
        sizes["part_of"].astype(np.int64),
        sizes["size"].astype(np.int64),
        sizes["counted"].astype(np.float64),
        QUANTILES,
    )
    return Differences(
        rows=int(numbers.sum()),
        quantiles=tuple(map(Told.of, quantiles)),
        higher=Told.of(groups.share(higher)),
        lower=Told.of(groups.share(lower)),
        beyond=Told.of(groups.share(beyond)),
    )


def _nothing() -> Contrast:
    return Contrast(
        column="",
        label="all rows",
        rows=0,
        units=0,
        failed=0,
        same=0,
        limits=0,
        reason=TOO_FEW,
    )
