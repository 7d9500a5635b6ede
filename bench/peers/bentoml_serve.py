"""``bentoml serve`` of the release's graph in ONNX Runtime.

As BentoML is quickest on one core: one worker, the model in the service itself rather than in a
second process, an ``async`` API that needs no thread, neither access log nor metrics, uvloop and
httptools. A house's fields are the whole body, checked by pydantic. No adaptive batching: 32
callers of one row each pay more for its queue than they save. It is told not to track.
"""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    PORT, FOLDER, MODEL = sys.argv[1], Path(sys.argv[2]), sys.argv[4]
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"
    os.environ["BENTOML_HOME"] = str(FOLDER / "bentoml")
    os.environ["VALUATION_MODEL"] = MODEL
    os.chdir(Path(__file__).resolve().parent)
    command = [sys.executable, "-m", "bentoml", "serve", "bentoml_serve:Valuation", "-p", PORT]
    os.execv(sys.executable, [*command, "--host", "127.0.0.1"])

import bentoml
from graph import Graph
from house import House


@bentoml.service(workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Valuation:
    def __init__(self) -> None:
        self.graph = Graph(os.environ["VALUATION_MODEL"])

    @bentoml.api
    async def predict(self, house: House, /) -> dict[str, float]:
        return {"prediction": self.graph.value(house.model_dump())}
