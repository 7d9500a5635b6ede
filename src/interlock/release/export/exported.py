"""What an exporter hands back: the bytes of a model and how its raw scores are to be read.

An exporter that cannot match an estimator raises :class:`Refusal` with the reason; the caller then
keeps the model in a safe native format. Nothing here is imported by the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from interlock.train.answer import Link

Format = Literal["onnx", "skops", "lightgbm"]

FILE_NAMES: Mapping[str, str] = {
    "onnx": "model.onnx",
    "skops": "model.skops",
    "lightgbm": "model.lgb.txt",
}


class Refusal(Exception):  # noqa: N818 - an answer, not an error: the caller has another way
    """An exact export of this estimator is not known; the text is the reason."""


@dataclass(frozen=True, kw_only=True)
class Edges:
    """Where a model's answer may jump, by matrix column.

    ``thresholds`` are the numeric split points as the model's native code compares them; ``codes``
    the category codes it knows; ``missing`` and ``infinite`` say what else it accepts.
    """

    thresholds: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    codes: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    missing: bool = False
    infinite: bool = False


@dataclass(frozen=True, kw_only=True)
class Graph:
    """An exact export: the bytes of an ONNX model whose "X" (n, k) gives "raw" (n, m), doubles."""

    payload: bytes
    edges: Edges


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A packaged model.

    ``link`` turns raw scores into what the estimator predicts; ``reason`` says why the format is
    what it is; ``exporter`` names the module that made it; ``edges`` feed the parity check.
    """

    format: Format
    file_name: str
    payload: bytes
    link: Link
    reason: str
    exporter: str
    edges: Edges
    tolerance: float
