"""Which scorer loads a model's format: the only module that chooses.

Invariant: at import only NumPy and ONNX Runtime are loaded.
"""

from __future__ import annotations

from collections.abc import Sequence

from interlock.features.definition import Input
from interlock.release.scorers.lightgbm import open_lightgbm
from interlock.release.scorers.native import open_native
from interlock.release.scorers.onnx import open_onnx
from interlock.release.scorers.scorer import Scorer, unreadable
from interlock.release.scorers.xgboost import open_xgboost


def open_scorer(
    format: str, payload: bytes, *, n_columns: int | None, inputs: Sequence[Input] = ()
) -> Scorer:
    """Load a model from the bytes of a verified bundle.

    ``n_columns`` is the width of the encoder's matrix, None for a model that takes the columns of
    ``inputs`` itself. Raises IntegrityError T154 for types that may not be loaded, T155 for bytes
    that are no such model.
    """
    if format == "onnx" and n_columns is not None:
        return open_onnx(payload, n_columns)
    if format == "skops":
        return open_native(payload, () if n_columns is not None else tuple(inputs))
    if format == "lightgbm" and n_columns is not None:
        return open_lightgbm(payload)
    if format == "xgboost" and n_columns is not None:
        return open_xgboost(payload)
    raise unreadable(format, f"n_columns {n_columns} with format {format!r}")
