"""FastAPI with the release's graph in ONNX Runtime, one thread; inputs it lacks stay missing."""

import sys

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI
from house import House

PORT, MODEL = int(sys.argv[1]), sys.argv[4]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])
width = session.get_inputs()[0].shape[1]
codes = {
    name: {value: float(i) for i, value in enumerate(House.model_fields[name].annotation.__args__)}
    for name in ("stories", "exterior_wall", "garage")
}
app = FastAPI()


@app.post("/predict")
async def predict(house: House) -> dict[str, float]:
    row = np.full((1, width), np.nan)
    given = house.model_dump(exclude={"valued_on"})
    for i, (name, value) in enumerate(given.items()):
        row[0, i] = codes[name][value] if name in codes else np.nan if value is None else value
    return {"prediction": float(np.exp(session.run(None, {"X": row})[0][0, 0]))}


if __name__ == "__main__":
    uvicorn.run(app, port=PORT, log_level="warning", access_log=False)
