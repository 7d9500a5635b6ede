"""The release's graph in ONNX Runtime, one thread; inputs that a request lacks stay missing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnxruntime
from house import House

_FIELDS = tuple(name for name in House.model_fields if name != "valued_on")
_CODES = {
    name: {value: float(i) for i, value in enumerate(House.model_fields[name].annotation.__args__)}
    for name in ("stories", "exterior_wall", "garage")
}


class Graph:
    """What values one house, given its fields by name."""

    def __init__(self, model: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        self._width = self._session.get_inputs()[0].shape[1]

    def value(self, given: Mapping[str, str | float | None]) -> float:
        row = np.full((1, self._width), np.nan)
        for i, name in enumerate(_FIELDS):
            value = given.get(name)
            if value is not None:
                row[0, i] = _CODES[name][value] if name in _CODES else value
        return float(np.exp(self._session.run(None, {"X": row})[0][0, 0]))
