"""A training set with every kind of history, held to the oracle row by row."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import Ridge

import interlock as il
from interlock.clock import parse_instant
from interlock.data.taking import take
from interlock.errors import AuthorError
from interlock.features.grid import grid_point
from interlock.features.oracle import recompute
from interlock.product.binding import bind
from interlock.product.training_set import build, packed_features, source_rows

SQL = """
    select town, count(*) as dear_sales, any_value(town) as seen_in
    from sales where price > 100 and sold_on >= :as_of - interval 20 day group by town
"""


class House(il.Request):
    valued_on: date = il.asked_at(zone="America/New_York")
    town: str
    rooms: int


@il.feature(model_input=False)
def size(rooms: int) -> str:
    return "large" if rooms > 3 else "small"


sales = il.Source(
    "sales.parquet",
    key="id",
    event_time="sold_on",
    available_after="2d",
    columns={"price": il.Int()},
    zone="America/New_York",
)
by_size = il.History(
    sales,
    by=("town", size),
    refresh="1d",
    landing="3h",
    sold=il.count(("10d", "30d"), where="price > 100 and not new"),
    new_share=il.share("30d", where="new"),
    spread=il.std("price", "30d", default=0.0),
    dear=il.quantile("price", "30d", q=0.9),
    kinds=il.distinct("kind"),
    last=il.latest("kind", ttl="5d"),
)
dear = il.CustomHistory(
    sales,
    sql=SQL,
    by="town",
    refresh="7d",
    values={"dear_sales": "int", "seen_in": "str"},
    defaults={"dear_sales": 0},
)
product = il.Product(
    "homes",
    request=House,
    examples=sales.map(valued_on="sold_on"),
    target=il.Regression("price", available_after="2d"),
    features=[size, by_size, dear],
    candidates={"mean": il.Baseline(il.Mean()), "ridge": il.Candidate(Ridge())},
    split=il.TimeSplit(tune="10d", calibrate="10d", test="10d"),
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)
    n = 400  # over the day in March on which clocks are put forward
    days = [date(2013, 2, 1) + timedelta(days=int(d)) for d in rng.integers(0, 70, n)]
    table = {
        "id": np.arange(n),
        "sold_on": pa.array(days),
        "town": rng.choice(["a", "b", "c"], n),
        "rooms": rng.integers(1, 8, n),
        "price": rng.integers(50, 200, n),
        "new": pa.array(rng.random(n) < 0.3, mask=rng.random(n) < 0.1),
        "kind": rng.choice(["brick", "wood", "stone"], n),
    }
    pq.write_table(pa.table(table), tmp_path / "sales.parquet")
    return tmp_path


def test_the_training_set_holds_what_the_oracle_gives(project: Path) -> None:
    bound = bind(product, project)
    as_of = parse_instant("2013-05-01", zone="America/New_York")
    taken = {"sales": take(sales, as_of=as_of, project_dir=project)}
    made = build(bound, taken, as_of=as_of)
    assert made.table.num_rows == 400
    rows = source_rows(bound, packed_features(bound), taken)
    one, other = bound.features.histories
    past = rows[one.name].to_pylist()
    names = [a.name for a in one.aggregates]
    assert names == ["sold_10d", "sold_30d", "new_share", "spread", "dear", "kinds", "last"]
    counted = 0
    for row in made.table.to_pylist():
        key = (row["request.town"], row["feature.size"])
        expected = recompute(one, past, key, grid_point(row["t"], one))
        assert tuple(row[f"feature.{name}"] for name in names) == expected
        counted += row["feature.sold_30d"]
        assert row["feature.seen_in"] in (row["request.town"], None)
        assert (row["feature.dear_sales"] > 0) == (row["feature.seen_in"] is not None)
    assert counted > 500
    custom = rows[other.name].to_pylist()
    for row in made.table.to_pylist()[::40]:
        grid = grid_point(row["t"], other)
        known = [
            r
            for r in custom
            if r["__available_at"] <= grid
            and grid - 20 * 86_400_000_000 <= r["__event_time"] < grid
            and r["town"] == row["request.town"]
            and r["price"] > 100
        ]
        # the query compares days in UTC, and a day begins in New York some hours later
        assert abs(len(known) - row["feature.dear_sales"]) <= 3


def test_every_mistake_of_every_history_is_told_at_once(project: Path) -> None:
    wrong = replace(
        product,
        features=[
            size,
            il.History(sales, by="town", refresh="1d", n=il.count("7d", where="prise > 1")),
            il.CustomHistory(
                sales, sql="select now()", by="rooms", refresh="1d", values={"x": "text"}
            ),
        ],
    )
    with pytest.raises(AuthorError) as caught:
        bind(wrong, project)
    assert [(m.code, m.got) for m in caught.value.mistakes] == [
        ("F118", "the column 'prise', which is not there"),
        ("F127", "'text'"),
        ("F127", "now(), which is clock or chance"),
    ]
