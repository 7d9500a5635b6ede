"""What a house in Lucas County is worth, and how sure we are."""

from datetime import date
from typing import Literal

from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge

import interlock as il


class House(il.Request):  # the API, and all that a model may see
    valued_on: date = il.asked_at(zone="America/New_York")  # prediction time
    year_built: int = il.field(ge=1800)
    living_area_sqft: int = il.field(gt=0, unit="ft²")
    lot_sqft: int = il.field(gt=0, unit="ft²")
    stories: Literal["one", "one+half", "two", "two+half", "three", "bilevel", "multilvl"]
    exterior_wall: Literal["brick", "ccbtile", "metlvnyl", "partbrk", "stone", "stucdrvt", "wood"]
    bedrooms: int = il.field(ge=0, le=50)
    full_baths: int = il.field(ge=0, le=20)
    half_baths: int = il.field(ge=0, le=20)
    rooms: int = il.field(ge=0, le=100)
    easting_m: float
    northing_m: float
    garage: Literal["no garage", "basement", "attached", "detached", "carport"]
    garage_sqft: int | None = None  # may be absent


sales = il.Source(
    sql="select *, price / living_area_sqft as price_per_sqft from 'data/sales.parquet'",
    name="sales",
    key="sale_id",
    event_time="sold_on",
    available_after="1d",
    columns={"price": il.Int(ge=5_000, unit="USD")},
)


@il.feature(unit="years")
def age_years(valued_on: date, year_built: int) -> int:
    """How old the house is when it is valued."""
    return valued_on.year - year_built


@il.feature
def neighbourhood(easting_m: float, northing_m: float) -> str:
    """The 2 km cell of the state plane in which the house stands."""
    return f"{easting_m // 2_000:.0f}:{northing_m // 2_000:.0f}"


@il.feature(model_input=False)  # too fine to be a category; it keys the history below
def street_block(easting_m: float, northing_m: float) -> str:
    """The 500 m cell in which the house stands."""
    return f"{easting_m // 500:.0f}:{northing_m // 500:.0f}"


@il.feature(unit="ft²")
def area_per_room(living_area_sqft: int, rooms: int) -> float | None:
    """Living area for each room; unknown where no room was recorded."""
    return living_area_sqft / rooms if rooms else None


@il.postprocess
def to_500(prediction: float) -> float:
    """To the nearest 500 USD: nobody asks for a house's value to the dollar."""
    return round(prediction / 500) * 500


market = il.History(
    sales,
    by=neighbourhood,
    refresh="1d",
    sales_180d=il.count("180d"),
    median_price_180d=il.median("price", "180d"),
    median_price_per_sqft_180d=il.median("price_per_sqft", "180d"),
)

block = il.History(
    sales,
    by=street_block,
    refresh="1d",
    block_sales_4y=il.count("1460d"),
    block_price_per_sqft_4y=il.median("price_per_sqft", "1460d"),
)

HOUSES = ("stories", "garage", "year_built", "living_area_sqft")  # the kinds to do right by

LARGE_AND_NEW = {
    "valued_on": "1996-12-01",
    "year_built": 1990,
    "living_area_sqft": 2_500,
    "lot_sqft": 9_000,
    "stories": "two",
    "exterior_wall": "brick",
    "bedrooms": 4,
    "full_baths": 2,
    "half_baths": 1,
    "rooms": 9,
    "easting_m": 503_719.2,
    "northing_m": 211_677.7,
    "garage": "attached",
    "garage_sqft": 480,
}

product = il.Product(
    "valuation",
    request=House,
    unit=("easting_m", "northing_m"),
    examples=sales.map(valued_on="sold_on"),  # request field = source column; the rest by name
    target=il.Regression("price", available_after="1d", interval=0.8, unit="USD"),
    features=[age_years, neighbourhood, street_block, area_per_room, market, block],
    candidates={
        "neighbourhood-median": il.Baseline(il.GroupMedian(neighbourhood)),
        "ridge": il.Candidate(Ridge(), target="log"),
        "boosting": il.Candidate(
            HistGradientBoostingRegressor(
                loss="absolute_error", max_iter=300, learning_rate=0.06, early_stopping=False
            ),
            target="log",
        ),
    },
    yardsticks={"assessor": "assessed_value"},  # shown beside, never trained on
    split=il.TimeSplit(tune="30d", calibrate="30d", test="90d"),
    metric="mdape",
    metrics=["within_10", "cod", "prd", "prb"],  # the last three are the assessors' own
    postprocess=[to_500],
    outliers=[
        il.Outliers("price", cutoff=5),  # a digit too many or too few
        il.Outliers("living_area_sqft"),  # no answer for a house of a size hardly ever sold
    ],
    data_gate=[
        il.MinRows(5_000),
        il.SegmentCoverage(neighbourhood),  # nor where fewer than 30 were
    ],
    model_gate=[
        il.Below("mdape", 0.15),
        il.BeatsBaselines(),
        il.NoWorseThanChampion(margin=0.005),
        il.Slices(by=HOUSES, limit=0.25),
        il.IntervalCoverage(at_least=0.75),
        il.IntervalCoverage(at_least=0.5, by=HOUSES),  # of houses before 1921 three in five
        il.Directional("full_baths", add=1, never_lowers_by="2%"),  # on 99 of 100 houses
        il.Expect(LARGE_AND_NEW, at_least=100_000, name="a large new house"),
    ],
    service_gate=[il.P99Below("20ms")],
    card=il.Card(
        intended_use="A first estimate of what a single-family house in Lucas County would sell"
        " for, with its interval, for a person who then looks at the house.",
        out_of_scope="Land, flats and commercial property; forced sales; lending or taxation"
        " without a person's judgement.",
        ethics="Location is an input: the model repeats what buyers of the past paid for a"
        " neighbourhood, whatever their reasons were.",
        caveats="Learnt from sales of 1993 to 1998. Nothing is known of a house's condition.",
    ),
)
