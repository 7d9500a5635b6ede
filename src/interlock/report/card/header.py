"""The card's metadata, in the format of the Hugging Face Hub.

https://github.com/huggingface/hub-docs/blob/main/modelcard.md
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from interlock.report.card.yaml import block
from interlock.report.content import CardMetric, ModelCard

PIPELINES = MappingProxyType(
    {
        "regression": "tabular-regression",
        "binary": "tabular-classification",
        "multiclass": "tabular-classification",
    }
)
LIBRARIES = MappingProxyType({"onnx": "onnx", "skops": "sklearn", "lightgbm": "lightgbm"})
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.+-]*")


def header(card: ModelCard) -> str:
    """The YAML between its two rules."""
    pipeline = PIPELINES.get(card.task, "other")
    kept: dict[str, Any] = {
        "language": [card.declared.language or "en"],
        **_license(card.declared.license),
        "library_name": LIBRARIES.get(card.making.format, "interlock"),
        "pipeline_tag": pipeline,
        "tags": ["interlock", pipeline, "tabular"],
        "metrics": [found.metric.name for found in card.metrics],
        "model-index": [{"name": card.product, "results": _results(card, pipeline)}],
    }
    return f"---\n{block(kept)}\n---"


def _license(name: str) -> Mapping[str, str]:
    """An identifier as it is; another license by its name; 'unknown' where none is declared."""
    if not name:
        return {"license": "unknown"}
    if _IDENTIFIER.fullmatch(name):
        return {"license": name}
    return {"license": "other", "license_name": name}


def _results(card: ModelCard, pipeline: str) -> list[dict[str, Any]]:
    if not card.metrics:
        return []
    dataset = {
        "type": card.product,
        "name": f"test rows of {card.product}",
        "split": "test",
        **({"revision": card.making.snapshot} if card.making.snapshot else {}),
    }
    metrics = [_metric(found) for found in card.metrics]
    return [{"task": {"type": pipeline}, "dataset": dataset, "metrics": metrics}]


def _metric(found: CardMetric) -> dict[str, Any]:
    """The bare number, as the Hub compares it; the unit stands in the name."""
    unit = {"%": "share of 1", "": "", "1": ""}.get(found.metric.unit, found.metric.unit)
    name = f"{found.metric.name}, {unit}" if unit else found.metric.name
    return {"type": found.metric.name, "value": found.estimate.value, "name": name}
