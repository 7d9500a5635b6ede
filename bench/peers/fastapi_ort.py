"""FastAPI with the release's graph in ONNX Runtime."""

import sys

import uvicorn
from fastapi import FastAPI
from graph import Graph
from house import House

PORT, MODEL = int(sys.argv[1]), sys.argv[4]
app, graph = FastAPI(), Graph(MODEL)


@app.post("/predict")
async def predict(house: House) -> dict[str, float]:
    return {"prediction": graph.value(house.model_dump())}


if __name__ == "__main__":
    uvicorn.run(app, port=PORT, log_level="warning", access_log=False)
