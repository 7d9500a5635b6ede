"""History features at the moment of a request, as the predictor asks for them.

A missing entity has the declared defaults: that is an answer. A store that does not answer is
another thing, and gives a refusal (S122), or, where the product chose so, the declared defaults
marked as degraded. The store itself is :mod:`interlock.serve.stored_history`'s.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from interlock.serve.errors import ServiceError
from interlock.serve.pick import Values


class Found(NamedTuple):
    """Aggregates in definition order, the grid point of each history, and whether by default."""

    values: Values
    grids: dict[str, int]
    degraded: bool


class History(Protocol):
    """Where a release's history features come from."""

    def row(self, known: Values, as_of: int) -> Found:
        """The aggregates for a row known by its fields and features. Raises ServiceError S122."""
        ...


NOTHING = Found((), {}, False)


class NoHistory:
    """The history of a release that has no history features."""

    def row(self, known: Values, as_of: int) -> Found:
        """Nothing."""
        return NOTHING


class UnavailableHistory:
    """The history of a release that is loaded away from any store."""

    def row(self, known: Values, as_of: int) -> Found:
        """Raises ServiceError S122."""
        raise ServiceError("S122", "the history features are unavailable")
