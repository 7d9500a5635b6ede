"""Explanations as tensors of the Open Inference Protocol, beside the outputs that always are.

They are there where the request's parameters say ``{"explain": true}``; a row that the model was
not asked about has nulls. Of more than two classes each tensor has a class for its second axis.

>>> why = {"method": "TreeSHAP", "background_rows": 9, "combine": "add", "base": 2.0, "model": 5.0,
...        "contributions": {"b": 2.5, "a": 0.5}}
>>> found = explanation_tensors([{"explanation": why}, {}], ("a", "b"), ())
>>> [(t["name"], t["shape"], t["data"]) for t in found][2]
('contributions', [2, 2], [0.5, 2.5, None, None])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

EXPLANATION = (
    "explanation_base",
    "explanation_model",
    "contributions",
    "contribution_errors",
)
"""The outputs' names."""

_KEYS = dict(zip(EXPLANATION, ("base", "model", "contributions", "standard_errors"), strict=True))
_BY_INPUT = EXPLANATION[2:]
_SAID = ("method", "background_rows", "combine", "of")
_ENCODER = msgspec.json.Encoder()


def explanation_tensors(
    answers: Sequence[Mapping[str, Any]], inputs: tuple[str, ...], classes: Sequence[str]
) -> list[dict[str, Any]]:
    """The explanations of the friendly API's answers.

    ``inputs`` are the model's, in the order of the last axis; ``classes`` are the answer's, which
    matter where there are more than two.
    """
    told = [answer.get("explanation") for answer in answers]
    shared: Mapping[str, Any] = next((why for why in told if why is not None), {})
    named = inputs + tuple(sorted({n for why in told if why for n in _names(why)} - set(inputs)))
    several = classes if len(classes) > 2 else ()
    parameters = {key: shared[key] for key in _SAID if key in shared}
    parameters |= {"inputs": _ENCODER.encode(named).decode()}
    if several:
        parameters |= {"classes": _ENCODER.encode(several).decode()}
    return [
        _tensor(name, told, named, several) | {"parameters": parameters} for name in EXPLANATION
    ]


def _names(why: Mapping[str, Any]) -> Sequence[str]:
    """The inputs that an explanation names."""
    found = why["contributions"]
    first = next(iter(found.values()), None)
    return tuple(first) if isinstance(first, Mapping) else tuple(found)


def _tensor(
    name: str,
    told: Sequence[Mapping[str, Any] | None],
    inputs: Sequence[str],
    classes: Sequence[str],
) -> dict[str, Any]:
    """One output: of each row, then of each class, then of each input."""
    by_input = name in _BY_INPUT
    shape = [len(told)] + [len(classes)] * bool(classes) + [len(inputs)] * by_input
    data: list[float | None] = []
    for why in told:
        found = None if why is None else why.get(_KEYS[name])
        for part in [_part(found, label) for label in classes] if classes else [found]:
            data += [_part(part, label) for label in inputs] if by_input else [part]
    return {"name": name, "datatype": "FP64", "shape": shape, "data": data}


def _part(found: Mapping[str, Any] | None, name: str) -> Any:
    return None if found is None else found.get(name)
