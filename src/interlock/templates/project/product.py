"""What a flat lets for, and how sure we are. Everything Interlock needs is in this file.

The data beside it is generated: put your own in its place, and change the names to yours.
`interlock check` finds every mistake in this file, `interlock deliver` takes it to production.
"""

from datetime import date
from typing import Literal

from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge

import interlock as il


# 1. The request: what a consumer sends, and all that a model may see. This is the API.
class Flat(il.Request):
    offered_on: date = il.asked_at(zone="Europe/Berlin")  # the moment the prediction is about
    district: str
    area_m2: float = il.field(gt=5, lt=1_000, unit="m²")
    rooms: int = il.field(ge=1, le=20)
    floor: int = il.field(ge=0, le=100)
    year_built: int = il.field(ge=1500)
    balcony: bool
    lift: bool
    furnishing: Literal["unfurnished", "kitchen", "furnished"]
    energy_class: Literal["A", "B", "C", "D", "E", "F"] | None = None  # may be unknown


# 2. The source: one row a letting. A row counts only from the moment it became known.
rentals = il.Source(
    "data/rentals.csv",
    key="rental_id",
    event_time="let_on",
    zone="Europe/Berlin",  # a date is a day somewhere
    available_after="1d",
    columns={
        "rent_eur": il.Float(gt=0, unit="EUR"),
        "rent_per_m2": il.Float(gt=1, le=100, unit="EUR/m²"),
    },
)


# 3. Features: plain typed functions of the request. Training and service run the same code.
@il.feature(unit="years")
def age_years(offered_on: date, year_built: int) -> int:
    """How old the house is."""
    return offered_on.year - year_built


@il.feature(unit="m²")
def area_per_room(area_m2: float, rooms: int) -> float:
    """Area for each room."""
    return area_m2 / rooms


@il.feature(unit="storeys")
def stairs(floor: int, lift: bool) -> int:
    """Storeys to climb."""
    return 0 if lift else floor


# What was known of the district's market on the day, from the rows that were known by then.
market = il.History(
    rentals,
    by="district",
    refresh="1d",
    lettings_90d=il.count("90d"),
    median_rent_per_m2=il.median("rent_per_m2", "365d"),
)


# 4. The product: what to predict, who competes, and what must hold before it reaches anybody.
product = il.Product(
    "rents",
    request=Flat,
    examples=rentals.map(offered_on="let_on"),  # request field = source column
    target=il.Regression("rent_eur", available_after="1d", interval=0.8, unit="EUR"),
    features=[age_years, area_per_room, stairs, market],
    candidates={
        "district-median": il.Baseline(il.GroupMedian("district")),  # the yardstick
        "ridge": il.Candidate(Ridge(), target="log"),
        "boosting": il.Candidate(HistGradientBoostingRegressor(max_iter=150), target="log"),
    },
    split=il.TimeSplit(tune="60d", calibrate="60d", test="90d"),
    metric="mdape",
    data_gate=[il.MinRows(1_000)],
    model_gate=[
        il.Below("mdape", 0.12),  # the median error, as a share of the rent
        il.BeatsBaselines(),
        il.NoWorseThanChampion(margin=0.01),  # the less may be lost, the more rows it takes
    ],
    service_gate=[il.P99Below("50ms")],
)
