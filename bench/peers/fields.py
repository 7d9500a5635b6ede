"""The fields of a valuation request, and the numbers that stand for its texts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

STORIES = ("one", "one+half", "two", "two+half", "three", "bilevel", "multilvl")
WALLS = ("brick", "ccbtile", "metlvnyl", "partbrk", "stone", "stucdrvt", "wood")
GARAGES = ("no garage", "basement", "attached", "detached", "carport")
CODES = {
    name: {text: float(code) for code, text in enumerate(texts)}
    for name, texts in (("stories", STORIES), ("exterior_wall", WALLS), ("garage", GARAGES))
}
NAMES = (
    "year_built",
    "living_area_sqft",
    "lot_sqft",
    "stories",
    "exterior_wall",
    "bedrooms",
    "full_baths",
    "half_baths",
    "rooms",
    "easting_m",
    "northing_m",
    "garage",
    "garage_sqft",
)


def encoded(given: Mapping[str, Any]) -> list[float]:
    """A house as a row of doubles; NaN for what is missing."""
    row = [given.get(name) for name in NAMES]
    return [
        math.nan if value is None else CODES[name][value] if name in CODES else float(value)
        for name, value in zip(NAMES, row, strict=True)
    ]
