"""The valuation request as FastAPI would have it."""

from __future__ import annotations

from datetime import date
from typing import Literal

from fields import GARAGES, STORIES, WALLS
from pydantic import BaseModel, Field


class House(BaseModel):
    valued_on: date
    year_built: int = Field(ge=1800)
    living_area_sqft: int = Field(gt=0)
    lot_sqft: int = Field(gt=0)
    stories: Literal[*STORIES]
    exterior_wall: Literal[*WALLS]
    bedrooms: int = Field(ge=0, le=50)
    full_baths: int = Field(ge=0, le=20)
    half_baths: int = Field(ge=0, le=20)
    rooms: int = Field(ge=0, le=100)
    easting_m: float
    northing_m: float
    garage: Literal[*GARAGES]
    garage_sqft: int | None = None
