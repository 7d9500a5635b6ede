"""How far apart two profiles are: what two releases were held out from, column by column.

The rows themselves are gone; what is left are counts by bin. Categories are counted by name; where
a profile has more than it names, those that both name and the rest. Numbers are counted in the
older profile's bins: exactly where both were cut at the same values, else from the newer one's
quantiles, read between the two next to a cut (within 2 % of the rows).

>>> from interlock.data.profile import profile
>>> from interlock.data.request import Field
>>> rooms = Field(name="rooms", kind="int")
>>> then = profile([rooms], {"rooms": [float(k % 10) for k in range(1_000)]})
>>> now = profile([rooms], {"rooms": [float(k % 5) for k in range(600)]})
>>> (found,) = profile_shifts(then, now)
>>> found.level.value, found.exact
('high', False)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from interlock.data.profile import CategoricalProfile, InputProfile, NumericProfile, Profile
from interlock.stats.drift import Level, Shift, judge_shifts, shift


@dataclass(frozen=True, kw_only=True)
class ProfileShift:
    """One input in both profiles; ``exact`` unless counts were read off quantiles."""

    name: str
    shift: Shift
    level: Level
    exact: bool


def profile_shifts(before: Profile, now: Profile) -> tuple[ProfileShift, ...]:
    """Of the inputs that both have, in one kind, and whose counts can be compared; judged together.

    In the order of the older profile.
    """
    later = {one.name: one for one in now.inputs}
    counted = [
        (one.name, *found)
        for one in before.inputs
        if one.name in later and (found := _counts(one, later[one.name])) is not None
    ]
    shifts = [shift(a, b) for _, a, b, _ in counted]
    return tuple(
        ProfileShift(name=name, shift=one, level=judged.level, exact=exact)
        for (name, _, _, exact), one, judged in zip(
            counted, shifts, judge_shifts(shifts), strict=True
        )
    )


def _counts(
    before: InputProfile, now: InputProfile
) -> tuple[Sequence[float], Sequence[float], bool] | None:
    """(the older counts, the newer ones in the same bins, whether exact); None where unknown."""
    if isinstance(before, CategoricalProfile) and isinstance(now, CategoricalProfile):
        return _by_name(before, now)
    if isinstance(before, NumericProfile) and isinstance(now, NumericProfile):
        if before.edges == now.edges:
            return before.reference, now.reference, True
        if now.quantiles:
            return before.reference, (*_read_off(before.edges, now), now.missing), False
    return None


def _by_name(
    before: CategoricalProfile, now: CategoricalProfile
) -> tuple[Sequence[float], Sequence[float], bool]:
    then, later = dict(before.top), dict(now.top)
    exact = not before.other and not now.other
    names = list(then) if exact else [name for name in then if name in later]
    counts = []
    for one, by_name in ((before, then), (now, later)):
        named = [by_name.get(name, 0) for name in names]
        counts.append((*named, one.n - one.missing - sum(named), one.missing))
    return counts[0], counts[1], exact


def _read_off(edges: Sequence[float], now: NumericProfile) -> list[float]:
    """The newer rows between those cuts, from their quantiles, least and greatest value.

    Quantiles are the middles of equal shares; of values that many rows share the last one counts,
    for a cut belongs to the bin below it.
    """
    n, present = len(now.quantiles), now.n - now.missing
    shares = dict(zip(now.quantiles, (np.arange(n) + 0.5) / n, strict=True))
    if now.minimum is not None and now.maximum is not None:
        shares = {now.minimum: 0.0, **shares, now.maximum: 1.0}
    values = sorted(shares)
    upto = np.interp(edges, values, [shares[v] for v in values], left=0.0, right=1.0)
    found: list[float] = np.diff(np.array([0.0, *upto, 1.0]) * present).tolist()
    return found
