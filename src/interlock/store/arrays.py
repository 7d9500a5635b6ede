"""Arrays of numbers as blobs, in NumPy's own format, never pickled."""

from __future__ import annotations

import io
from typing import Any

import numpy as np


def array_to_bytes(array: np.ndarray[Any, Any]) -> bytes:
    """An array of numbers in NumPy's format. Raises ValueError for an array of objects."""
    sink = io.BytesIO()
    np.save(sink, np.ascontiguousarray(array), allow_pickle=False)
    return sink.getvalue()


def array_from_bytes(data: bytes) -> np.ndarray[Any, Any]:
    """The inverse of :func:`array_to_bytes`; refuses pickled data."""
    found: np.ndarray[Any, Any] = np.load(io.BytesIO(data), allow_pickle=False)
    return found
