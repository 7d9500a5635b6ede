"""The release's graph in ONNX Runtime, one thread; inputs that a request lacks stay missing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnxruntime
from fields import NAMES, encoded


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
        row[0, : len(NAMES)] = encoded(given)
        return float(np.exp(self._session.run(None, {"X": row})[0][0, 0]))
