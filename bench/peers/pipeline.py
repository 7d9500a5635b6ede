"""A scikit-learn pipeline for the valuation requests, as its documentation would build it."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

CATEGORIES = ["stories", "exterior_wall", "garage"]
NUMBERS = [
    "year_built",
    "living_area_sqft",
    "lot_sqft",
    "bedrooms",
    "full_baths",
    "half_baths",
    "rooms",
    "easting_m",
    "northing_m",
    "garage_sqft",
]


def fitted(folder: Path, sales: Path):
    """The pipeline, fitted once and kept in ``folder``."""
    place = folder / "pipeline.joblib"
    if place.exists():
        return joblib.load(place)
    table = pd.read_parquet(sales)
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    trees = HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=300, learning_rate=0.06, early_stopping=False
    )
    model = make_pipeline(
        ColumnTransformer([("categories", encoder, CATEGORIES)], remainder="passthrough"),
        TransformedTargetRegressor(trees, func=np.log, inverse_func=np.exp),
    )
    model.fit(table[CATEGORIES + NUMBERS].astype(dict.fromkeys(NUMBERS, float)), table["price"])
    joblib.dump(model, place)
    return model
