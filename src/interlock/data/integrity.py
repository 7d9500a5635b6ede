"""Integrity of a model's inputs: values missing, unseen or out of range more often than at release.

Drift asks whether the world has moved; integrity whether the pipe has burst. A category is unseen
and a number out of range by what the release's training rows have shown.

>>> from interlock.data.observed import observe
>>> from interlock.data.profile import profile
>>> from interlock.data.request import Field
>>> rooms = Field(name="rooms", kind="int")
>>> then = {"rooms": [float(k % 10) for k in range(1_000)]}
>>> now = observe([rooms], {"rooms": [float("nan")] * 50 + [3.0] * 950})
>>> missing, outside = integrity(profile([rooms], then, seen=then), now)
>>> missing.fault, missing.share, missing.limit, missing.level.value
('missing', 0.05, 0.01, 'high')
>>> outside.fault, outside.share, outside.level.value
('out of range', 0.0, 'ok')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from interlock.data.observed import Numbers, Observed, Texts
from interlock.data.profile import InputProfile, NumericProfile, Profile, is_comparable
from interlock.stats.drift import FEWEST_ROWS, Level
from interlock.stats.excess import highest_rate

POINT = 0.01
"""By how much, at least, a rate must exceed the reference's: one percentage point."""


@dataclass(frozen=True, kw_only=True)
class FaultRate:
    """How often one input has one fault: ``missing``, ``unseen`` or ``out of range``.

    ``reference`` is the rate in the release's profile, ``share`` the rate now, and ``limit`` the
    highest that the reference accounts for; None, all three, where one of the rates is not known.
    That, and too few rows, are *insufficient*, never *ok*.
    """

    name: str
    fault: str
    reference: float | None
    reference_rows: int
    share: float | None
    rows: int
    limit: float | None
    level: Level

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> FaultRate:
        """The inverse of :meth:`to_row`."""
        return cls(**{**row, "level": Level(row["level"])})


def integrity(reference: Profile, now: Mapping[str, Observed]) -> tuple[FaultRate, ...]:
    """Two rates for each input of the profile that was observed as the same kind."""
    compared = [profile for profile in reference.inputs if is_comparable(profile, now)]
    return tuple(rate for profile in compared for rate in _rates(profile, now[profile.name]))


def _rates(profile: InputProfile, found: Observed) -> tuple[FaultRate, FaultRate]:
    if isinstance(profile, NumericProfile):
        assert isinstance(found, Numbers)
        fault, beyond = "out of range", profile.beyond(found)
    else:
        assert isinstance(found, Texts)
        fault, beyond = "unseen", profile.beyond(found)
    before = profile.outside
    return (
        _rate(profile, "missing", (profile.missing, found.missing), found.n),
        _rate(
            profile, fault, None if before is None or beyond is None else (before, beyond), found.n
        ),
    )


def _rate(
    profile: InputProfile, fault: str, counts: tuple[int, int] | None, rows: int
) -> FaultRate:
    """``counts`` are the faulty rows at release and now; None where they are not known."""
    reference = share = limit = None
    if counts is not None and profile.n and rows:
        reference, share = counts[0] / profile.n, counts[1] / rows
        limit = highest_rate(reference, rows, margin=POINT)
    level = Level.INSUFFICIENT
    if share is not None and limit is not None and min(rows, profile.n) >= FEWEST_ROWS:
        level = Level.HIGH if share > limit else Level.OK
    return FaultRate(
        name=profile.name,
        fault=fault,
        reference=reference,
        reference_rows=profile.n,
        share=share,
        rows=rows,
        limit=limit,
        level=level,
    )
