"""What the release answers for: segments with rows enough, and what outlier rules took away."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One segment: the rows that were learned from, the test rows, and why it is not covered.

    ``reason`` is "" where it is; ``x`` and ``y`` are the mean position of its rows, None where
    nothing says where they are.
    """

    name: str
    learned: int
    tested: int
    reason: str = ""
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True, kw_only=True)
class Segmentation:
    """The segments of one declared check.

    ``name`` says what they are named by, ``asked`` what each needs; ``across`` and ``up`` are the
    coordinates of ``x`` and ``y``, "" where there are none.
    """

    name: str
    asked: str
    segments: tuple[Segment, ...]
    across: str = ""
    up: str = ""


@dataclass(frozen=True, kw_only=True)
class OutlierCount:
    """What one outlier rule named: ``train`` rows are put aside, ``later`` rows are of other parts.

    ``told`` says what it holds against them. ``live``: a request alone decides it, so the release
    does not cover such requests; else the later rows stay, unless they are ``left_out``.
    """

    name: str
    told: str
    train: int
    later: int
    live: bool
    left_out: bool


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The limits of what the release answers for.

    ``tested`` are all rows of the test part, ``not_covered`` those of them that it does not answer
    for; ``estimates``: it gives them a prediction all the same, marked.
    """

    tested: int
    not_covered: int
    segmentations: tuple[Segmentation, ...] = ()
    outliers: tuple[OutlierCount, ...] = ()
    estimates: bool = False
