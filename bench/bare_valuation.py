"""The valuation model without Interlock: what a data scientist would write in one file.

The same rows, features, encodings and candidates as examples/valuation, fitted once, on as many
threads as Interlock gives each fit, and the test rows predicted. Nothing is checked, packaged,
kept or compared.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

CATEGORIES = {
    "stories": ["one", "one+half", "two", "two+half", "three", "bilevel", "multilvl"],
    "exterior_wall": ["brick", "ccbtile", "metlvnyl", "partbrk", "stone", "stucdrvt", "wood"],
    "garage": ["no garage", "basement", "attached", "detached", "carport"],
}
TEXTS = [*CATEGORIES, "neighbourhood"]
NUMBERS = """year_built living_area_sqft lot_sqft bedrooms full_baths half_baths rooms easting_m
    northing_m garage_sqft age_years area_per_room sales_180d median_price_180d
    median_price_per_sqft_180d block_sales_4y block_price_per_sqft_4y""".split()
INPUTS = [*NUMBERS, *TEXTS]
MOST_CATEGORIES = 254

SALES = """
    with sales as (
        select *, price / living_area_sqft as price_per_sqft,
            sold_on as valued_on,
            year(sold_on) - year_built as age_years,
            printf('%d:%d', floor(easting_m / 2000)::int, floor(northing_m / 2000)::int)
                as neighbourhood,
            printf('%d:%d', floor(easting_m / 500)::int, floor(northing_m / 500)::int)
                as street_block,
            case when rooms > 0 then living_area_sqft / rooms end as area_per_room
        from 'data/sales.parquet'
        where sold_on < $as_of and price >= 5000
    ),
    days as (select distinct neighbourhood, valued_on from sales),
    blocks as (select distinct street_block, valued_on from sales),
    market as (
        select d.neighbourhood, d.valued_on, count(*) as sales_180d,
            median(s.price) as median_price_180d,
            median(s.price_per_sqft) as median_price_per_sqft_180d
        from days d join sales s on s.neighbourhood = d.neighbourhood
            and s.sold_on between d.valued_on - 180 and d.valued_on - 2
        group by all
    ),
    block as (
        select b.street_block, b.valued_on, count(*) as block_sales_4y,
            median(s.price_per_sqft) as block_price_per_sqft_4y
        from blocks b join sales s on s.street_block = b.street_block
            and s.sold_on between b.valued_on - 1460 and b.valued_on - 2
        group by all
    )
    select sales.*,
        coalesce(sales_180d, 0) as sales_180d, median_price_180d, median_price_per_sqft_180d,
        coalesce(block_sales_4y, 0) as block_sales_4y, block_price_per_sqft_4y
    from sales
        left join market using (neighbourhood, valued_on)
        left join block using (street_block, valued_on)
    where lot_sqft > 0 and living_area_sqft > 0 and year_built >= 1800
    order by sold_on, sale_id
"""


def load(project: Path, as_of: date) -> pd.DataFrame:
    """Every usable sale known by then, with its features."""
    with duckdb.connect() as connection:
        connection.execute("set file_search_path = $folder", {"folder": str(project)})
        return connection.execute(SALES, {"as_of": as_of}).df()


def encodings(train: pd.DataFrame) -> tuple[Any, Any]:
    """(codes for the booster, standardised numbers and one-hot columns for ridge)."""
    common = train["neighbourhood"].value_counts().index[:MOST_CATEGORIES].tolist()
    known = [*CATEGORIES.values(), common]
    codes = OrdinalEncoder(
        categories=known, handle_unknown="use_encoded_value", unknown_value=np.nan
    )
    hot = OneHotEncoder(categories=known, handle_unknown="ignore", sparse_output=False)
    return codes, hot


def models(train: pd.DataFrame) -> dict[str, Any]:
    """The two candidates behind their encodings, not yet fitted."""
    codes, hot = encodings(train)
    scaled = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    return {
        "ridge": make_pipeline(make_column_transformer((scaled, NUMBERS), (hot, TEXTS)), Ridge()),
        "boosting": make_pipeline(
            make_column_transformer(("passthrough", NUMBERS), (codes, TEXTS)),
            HistGradientBoostingRegressor(
                loss="absolute_error",
                max_iter=300,
                learning_rate=0.06,
                early_stopping=False,
                categorical_features=[INPUTS.index(name) for name in TEXTS],
            ),
        ),
    }


def predictions(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any]]:
    """(the test rows, what each of the three candidates says of them)."""
    newest = rows["sold_on"].max()
    train = rows[rows["sold_on"] < newest - pd.Timedelta(days=150)]
    test = rows[rows["sold_on"] > newest - pd.Timedelta(days=90)]
    medians = train.groupby("neighbourhood")["price"].median()
    said = {"neighbourhood-median": test["neighbourhood"].map(medians).fillna(train.price.median())}
    for name, model in models(train).items():
        model.fit(train[INPUTS], np.log(train["price"]))
        said[name] = np.exp(model.predict(test[INPUTS]))
    return test, said


def run(project: Path, as_of: date) -> dict[str, float]:
    """Each candidate's median error on the test rows, as a share of the price."""
    with threadpool_limits(limits=1):
        test, said = predictions(load(project, as_of))
    price = test["price"].to_numpy()
    return {name: float(np.median(np.abs(y - price) / price)) for name, y in said.items()}


if __name__ == "__main__":
    started = time.perf_counter()
    errors = run(Path(sys.argv[1]), date.fromisoformat(sys.argv[2]))
    print(json.dumps({"seconds": time.perf_counter() - started, "mdape": errors}))
