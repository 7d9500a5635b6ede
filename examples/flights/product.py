"""Will this flight be more than 15 minutes late at arrival? Asked at its scheduled departure."""

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

import interlock as il

# A flight's delay is known when it has landed: the scheduled arrival, a time of day where it lands,
# becomes an instant, and the delay is added. A cancelled flight is known a day after it was due.
FLIGHTS = """
with scheduled as (
    select f.*, time_hour::timestamptz + to_minutes(minute) as scheduled_departure,
           coalesce(a.tzone, 'America/Puerto_Rico') as zone  -- BQN, PSE, SJU, STT are not listed
    from 'data/flights.parquet' f left join 'data/airports.parquet' a on f.dest = a.faa
), local as (
    select *, date_trunc('day', timezone(zone, scheduled_departure))
           + to_minutes(sched_arr_time // 100 * 60 + sched_arr_time % 100) as arrival_time
    from scheduled
), timed as (
    select *, case when timezone(zone, arrival_time) > scheduled_departure
           then timezone(zone, arrival_time)
           else timezone(zone, arrival_time + interval 1 day) end as scheduled_arrival
    from local
)
select carrier, flight as flight_number, origin, dest, tailnum as tail_number,
       distance as distance_miles, scheduled_departure,
       date_diff('minute', scheduled_departure, scheduled_arrival) as scheduled_minutes,
       scheduled_arrival + coalesce(to_minutes(arr_delay), interval 1 day) as known_at,
       arr_delay
from timed
"""

NEW_YORK = ZoneInfo("America/New_York")


class Flight(il.Request):  # what is known before departure, and nothing else
    scheduled_departure: datetime = il.asked_at()
    carrier: str
    flight_number: int = il.field(gt=0, model_input=False)
    origin: Literal["EWR", "JFK", "LGA"]
    dest: str
    tail_number: str | None = il.field(model_input=False)  # the aircraft, where it is assigned
    distance_miles: int = il.field(gt=0, unit="mi")
    scheduled_minutes: int = il.field(gt=0, le=1_440, unit="min")


flights = il.Source(
    sql=FLIGHTS,
    name="flights",
    key=("scheduled_departure", "carrier", "flight_number", "origin"),
    event_time="scheduled_departure",
    available_at="known_at",
)

weather = il.Source(
    "data/weather.parquet",
    key=("origin", "time_hour"),
    event_time="time_hour",
    available_after="1h",  # observed at some minute of that hour
)


@il.label
def late(arr_delay: int | None) -> bool | None:
    """More than 15 minutes late; a flight that was cancelled or diverted has no label."""
    return None if arr_delay is None else arr_delay > 15


@il.feature(unit="h")
def departure_hour(scheduled_departure: datetime) -> float:
    """The time of day in New York: delays pile up until the evening."""
    local = scheduled_departure.astimezone(NEW_YORK)
    return local.hour + local.minute / 60


@il.feature
def weekday(scheduled_departure: datetime) -> int:
    """Monday is 0, in New York."""
    return scheduled_departure.astimezone(NEW_YORK).weekday()


@il.feature(unit="mi/h")
def scheduled_speed(distance_miles: int, scheduled_minutes: int) -> float:
    """Slow schedules have slack to make up for a late start."""
    return 60 * distance_miles / scheduled_minutes


weather_at_origin = il.History(
    weather,
    by="origin",
    refresh="1h",
    temperature=il.latest("temp", ttl="3h"),
    dew_point=il.latest("dewp", ttl="3h"),
    wind_speed=il.latest("wind_speed", ttl="3h"),
    precipitation=il.latest("precip", ttl="3h"),
    pressure=il.latest("pressure", ttl="3h"),
    visibility=il.latest("visib", ttl="3h"),
)

LATE = "arr_delay > 15"
WITHOUT_ARRIVAL = "arr_delay IS NULL"  # cancelled or diverted
WEEK_AND_MONTH = ("7d", "30d")

today_at_origin = il.History(
    flights,
    by="origin",
    refresh="1h",
    name="today_at_origin",
    origin_known=il.count("6h"),
    origin_late=il.share("6h", where=LATE),
    origin_delay_p90=il.quantile("arr_delay", "6h", q=0.9),
)

carriers = il.History(
    flights,
    by="carrier",
    refresh="1d",
    carrier_late=il.share(WEEK_AND_MONTH, where=LATE),
    carrier_without_arrival=il.share("7d", where=WITHOUT_ARRIVAL),
)

origins = il.History(
    flights,
    by="origin",
    refresh="1d",
    name="origins",
    origin_daily_late=il.share(WEEK_AND_MONTH, where=LATE),
)

destinations = il.History(
    flights,
    by="dest",
    refresh="1d",
    dest_late=il.share(WEEK_AND_MONTH, where=LATE),
    dest_delay_mean=il.mean("arr_delay", "7d"),
)

aircraft = il.History(
    flights,
    by="tail_number",
    refresh="1d",
    aircraft_flights=il.count("7d"),
    aircraft_late=il.share(WEEK_AND_MONTH, where=LATE),
)

routes = il.History(
    flights,
    by=("origin", "dest"),
    refresh="1d",
    route_flights=il.count("7d"),
    route_late=il.share(WEEK_AND_MONTH, where=LATE),
    route_delay_std=il.std("arr_delay", "30d"),
)

product = il.Product(
    "flights",
    request=Flight,
    unit=("carrier", "flight_number"),
    examples=flights.map(),
    # a delay that nobody warned of costs as much as four warnings in vain
    target=il.Binary(late, threshold=il.MinCost(false_positive=1, false_negative=4)),
    features=[
        departure_hour,
        weekday,
        scheduled_speed,
        weather_at_origin,
        today_at_origin,
        origins,
        carriers,
        destinations,
        aircraft,
        routes,
    ],
    candidates={
        "prior": il.Baseline(il.ClassPrior()),
        "carrier-prior": il.Baseline(il.GroupClassPrior("carrier")),
        "logistic": il.Candidate(LogisticRegression(C=0.1, max_iter=200), calibrate="sigmoid"),
        "boosting": il.Candidate(
            HistGradientBoostingClassifier(
                max_iter=200, learning_rate=0.06, min_samples_leaf=200, early_stopping=False
            ),
            calibrate="sigmoid",
        ),
    },
    split=il.TimeSplit(tune="14d", calibrate="30d", test="30d"),
    metric="log_loss",
    metrics=[
        il.Scaled("expected_cost", "per 1,000 flights", by=1_000),
        "recall",
        "precision",
        "recall_at_fpr_10",
        "ece",
    ],
    data_gate=[il.MinRows(10_000)],
    model_gate=[
        il.Below("brier", 0.25),
        il.Above("roc_auc", 0.6),
        il.BeatsBaselines(),
        il.NoWorseThanChampion(margin=0.005),
        il.Calibrated(max_error=0.06),
        il.Fair("origin", "brier", max_difference=0.05),
    ],
    service_gate=[il.P99Below("20ms")],
)
