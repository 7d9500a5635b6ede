"""FastAPI with a scikit-learn pipeline: a data frame of one row for each request."""

import sys
from pathlib import Path

import pandas as pd
import uvicorn
from fastapi import FastAPI
from house import House
from pipeline import CATEGORIES, NUMBERS, fitted

PORT, FOLDER, SALES = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
app, model = FastAPI(), fitted(FOLDER, SALES)


@app.post("/predict")
async def predict(house: House) -> dict[str, float]:
    row = pd.DataFrame([house.model_dump()])[CATEGORIES + NUMBERS]
    row = row.astype(dict.fromkeys(NUMBERS, float))
    return {"prediction": float(model.predict(row)[0])}


if __name__ == "__main__":
    uvicorn.run(app, port=PORT, log_level="warning", access_log=False)
