"""Drift of a model's inputs: rows of now held to the profile of a release.

>>> from interlock.data.observed import observe
>>> from interlock.data.profile import profile
>>> from interlock.data.request import Field
>>> rooms = Field(name="rooms", kind="int")
>>> then = profile([rooms], {"rooms": [float(k % 10) for k in range(1_000)]})
>>> (found,) = drift(then, observe([rooms], {"rooms": [float(k % 5) for k in range(600)]}))
>>> found.level.value, round(found.shift.psi, 1), round(found.magnitude, 2)
('high', 2.7, 0.87)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from interlock.data.observed import Numbers, Observed, Texts
from interlock.data.profile import InputProfile, NumericProfile, Profile, is_comparable
from interlock.stats.drift import FULL_ROWS, JudgedShift, Level, Shift, judge_shifts, shift
from interlock.stats.wasserstein import winsorised_distance


@dataclass(frozen=True, kw_only=True)
class InputDrift:
    """What became of one input.

    ``magnitude`` says how far, for people: for numbers the winsorised Wasserstein distance in the
    reference's standard deviations, for categories the share of rows that would have to change
    their value (which is the same distance where any two values are 1 apart); None where it cannot
    be said. ``before`` and ``now`` count the rows by bin, named by ``labels``.
    """

    name: str
    kind: str
    shift: Shift
    level: Level
    q: float | None
    magnitude: float | None
    labels: tuple[str, ...]
    before: tuple[int, ...]
    now: tuple[int, ...]

    @property
    def is_advice(self) -> bool:
        """Whether the rows are too few for a finding to count in full."""
        return self.shift.rows_now < FULL_ROWS

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        row = asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in row.items()}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> InputDrift:
        """The inverse of :meth:`to_row`."""
        lists = {name: tuple(row[name]) for name in ("labels", "before", "now")}
        found = {"shift": Shift(**row["shift"]), "level": Level(row["level"])}
        return cls(**{**row, **lists, **found})


def drift(reference: Profile, now: Mapping[str, Observed]) -> tuple[InputDrift, ...]:
    """The drift of each of the profile's inputs that was observed too; judged together."""
    compared = [p for p in reference.inputs if is_comparable(p, now)]
    counted = [_counted(p, now[p.name]) for p in compared]
    judged = judge_shifts([found for found, _, _ in counted])
    return tuple(
        _told(profile, one, verdict)
        for profile, one, verdict in zip(compared, counted, judged, strict=True)
    )


Counted = tuple[Shift, tuple[int, ...], float | None]


def _counted(profile: InputProfile, found: Observed) -> Counted:
    """(the shift, the rows by bin, how far)."""
    if isinstance(profile, NumericProfile):
        assert isinstance(found, Numbers)
        now = profile.binned(found)
        return shift(profile.reference, now), now, _distance(profile, found)
    assert isinstance(found, Texts)
    now = profile.binned(found)
    return shift(profile.reference, now), now, _changed(profile.reference, now)


def _distance(profile: NumericProfile, numbers: Numbers) -> float | None:
    now = numbers.quantiles()
    if not now or not profile.quantiles:
        return None
    return winsorised_distance(profile.quantiles, now)


def _changed(before: tuple[int, ...], now: tuple[int, ...]) -> float | None:
    """The total variation distance of the two shares by bin."""
    n, m = sum(before), sum(now)
    if not n or not m:
        return None
    return math.fsum(abs(a / n - b / m) for a, b in zip(before, now, strict=True)) / 2


def _told(profile: InputProfile, counted: Counted, judged: JudgedShift) -> InputDrift:
    found, now, magnitude = counted
    return InputDrift(
        name=profile.name,
        kind=profile.kind,
        shift=found,
        level=judged.level,
        q=None if math.isnan(judged.q) else judged.q,
        magnitude=magnitude,
        labels=profile.labels,
        before=profile.reference,
        now=now,
    )
