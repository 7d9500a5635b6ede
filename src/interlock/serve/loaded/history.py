"""History features at the moment of a request, as the predictor asks for them.

A missing entity has the declared defaults: that is an answer. A store that does not answer is
another thing, and gives a refusal (S122), or, where the product chose so, the declared defaults
marked as degraded. The store itself is :mod:`interlock.serve.loaded.stored_history`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from interlock.features.definition import Aggregate
from interlock.serve.errors import ServiceError
from interlock.serve.loaded.pick import Values
from interlock.store.online import decoded, decoders


class Found(msgspec.Struct, frozen=True, gc=False):
    """Aggregates in definition order, the grid point of each history, and whether by default."""

    values: Values
    grids: dict[str, int]
    degraded: bool


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """From when a history answers: its grid point (µs), that one's age, refreshes missed since."""

    grid: int
    age_seconds: float
    behind: int


class HistoryStanding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the history features of a release stand, for its status and its metrics.

    ``refused`` and ``degraded`` count rows since the release was loaded: those that got no answer
    because the store was unavailable, and those answered with declared defaults.
    """

    histories: dict[str, Freshness | None] = {}
    problem: str | None = None
    refused: int = 0
    degraded: int = 0


class History(Protocol):
    """Where a release's history features come from."""

    def rows(self, asked: Sequence[tuple[Values, int]]) -> list[Found]:
        """The aggregates of every row of a request, in one read of the store.

        A row is known by its fields and features, and has a time (µs). Raises ServiceError S122.
        """
        ...

    def standing(self, now: int) -> HistoryStanding:
        """How old the answers are at that instant, and what went wrong."""
        ...


NOTHING = Found((), {}, False)


def told_values(aggregates: Sequence[Aggregate], told: Sequence[Any]) -> Values:
    """The aggregates' values, of what JSON or the log tells of them: a date is a text there.

    Raises ValueError, TypeError or IndexError for what these are not.
    """
    return decoded(told, decoders([(a.name, a.kind) for a in aggregates]))


class NoHistory:
    """The history of a release that has no history features."""

    def rows(self, asked: Sequence[tuple[Values, int]]) -> list[Found]:
        """Nothing."""
        return [NOTHING] * len(asked)

    def standing(self, now: int) -> HistoryStanding:
        """Nothing is old."""
        return HistoryStanding()


class UnavailableHistory:
    """The history of a release that is loaded away from any store."""

    def rows(self, asked: Sequence[tuple[Values, int]]) -> list[Found]:
        """Raises ServiceError S122."""
        raise ServiceError("S122", "the history features are unavailable")

    def standing(self, now: int) -> HistoryStanding:
        """There is no store."""
        return HistoryStanding(problem="no online store")
