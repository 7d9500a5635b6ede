"""``mlserver start`` of a runtime of its own with the release's graph in ONNX Runtime.

As MLServer is quickest on one core: no parallel workers (a request then crosses no process), no
debug mode and so no access log, neither metrics nor gzip, no adaptive batching (its queue costs 32
callers of one row each more than they save), uvloop, httptools and orjson. The runtime takes
the values as they stand in the V2 request, with no codec. Its traces go nowhere, as they do unless
a server for them is named.
"""

import json
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    PORT, FOLDER, MODEL = int(sys.argv[1]), Path(sys.argv[2]) / "mlserver", sys.argv[4]
    settings = {
        "host": "127.0.0.1",
        "http_port": PORT,
        "grpc_port": 0,  # any: nobody calls it
        "parallel_workers": 0,
        "debug": False,
        "metrics_endpoint": None,
        "gzip_enabled": False,
    }
    model = {
        "name": "valuation",
        "implementation": "mlserver_ort.Valuation",
        "parameters": {"uri": MODEL},
    }
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "settings.json").write_text(json.dumps(settings))
    (FOLDER / "model-settings.json").write_text(json.dumps(model))
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent)
    program = str(Path(sys.executable).with_name("mlserver"))
    os.chdir(FOLDER)
    os.execv(program, [program, "start", str(FOLDER)])

from graph import Graph
from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Valuation(MLModel):
    async def load(self) -> bool:
        self.graph = Graph(self.settings.parameters.uri)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        value = self.graph.value({given.name: given.data[0] for given in payload.inputs})
        output = ResponseOutput(name="prediction", shape=[1, 1], datatype="FP64", data=[value])
        return InferenceResponse(model_name=self.name, outputs=[output])
