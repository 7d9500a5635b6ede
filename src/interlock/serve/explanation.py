"""What an explained answer says of itself: which input contributed what.

``combine`` says how: base × every contribution = model ("multiply"), or base + all of them = model
("add"), up to rounding.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

Combine = Literal["multiply", "add"]


class Explanation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer explained.

    ``model`` is the model's own answer, before any post-processing, and ``base`` what it is over
    the release's background rows: their mean, or for "multiply" their geometric mean. For classes
    both are probabilities, ``of`` the positive one of two; of more classes ``base``, ``model`` and
    ``contributions`` are by class. ``contributions`` come by input, the weightiest first;
    ``standard_errors`` are theirs, in the same unit, and absent where nothing was sampled.
    """

    method: str
    background_rows: int
    combine: Combine
    base: float | dict[str, float]
    model: float | dict[str, float]
    contributions: dict[str, Any]
    of: str | UnsetType = UNSET
    standard_errors: dict[str, Any] | UnsetType = UNSET
