"""The shapes of competitors: kinds differ by shape first, and by colour second."""

from __future__ import annotations

from markupsafe import Markup

from interlock.report.charts.svg import path, tag
from interlock.report.content import CandidateKind


def marker(kind: CandidateKind, x: float, y: float, *, size: float = 5, hint: str = "") -> Markup:
    """A circle for a candidate, square baseline, diamond champion, triangle yardstick."""
    if kind is CandidateKind.CANDIDATE:
        children = (tag("title", hint),) if hint else ()
        return tag("circle", *children, cx=x, cy=y, r=size, class_="m-candidate")
    corners = {
        CandidateKind.BASELINE: ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
        CandidateKind.CHAMPION: ((0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)),
        CandidateKind.YARDSTICK: ((0, -1.1), (1.1, 0.85), (-1.1, 0.85)),
    }[kind]
    points = [(x + dx * size, y + dy * size) for dx, dy in corners]
    return path(points, f"m-{kind.value}", closed=True)
