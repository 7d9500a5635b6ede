"""Requests and answers as the tensors of the Open Inference Protocol (v2), JSON data only.

One input tensor a request field, one element a row; data flat or nested, with the same meaning.
What came in tensors is written as the friendly API's list of objects and judged as one, so that
both protocols have the same rules. A missing value is null. Integers stay integers, whatever their
size: JSON holds them exactly.

Source: Open Inference Protocol, specification of the REST API, tensor data and datatypes,
https://github.com/kserve/open-inference-protocol.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from interlock.data.request import Field
from interlock.serve.contract import Contract, class_name
from interlock.serve.errors import FieldMistake, InvalidRequest, ServiceError
from interlock.serve.inference.explained_tensors import EXPLANATION
from interlock.serve.loaded.audit import MAX_LISTED, has_duplicate_keys, shown

_INTEGERS = {
    f"{sign}INT{bits}": (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for sign in ("", "U")
    for bits in (8, 16, 32, 64)
}
_GREATEST = {"FP16": 65_504.0, "FP32": 3.4028234663852886e38, "FP64": math.inf}
DATATYPES = ("BOOL", *_INTEGERS, *_GREATEST, "BYTES")
"""Every datatype that is taken."""

_KINDS = {"int": "INT64", "float": "FP64", "bool": "BOOL"}
MAX_ID = 256  # characters of a request's id
_ENCODER = msgspec.json.Encoder()


class _Input(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] = {}


class _Output(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    parameters: dict[str, Any] = {}


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    inputs: list[_Input]
    id: str = ""
    outputs: list[_Output] = []
    parameters: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Question:
    """A request read: the friendly API's body, the id to echo, the outputs wanted (none: all).

    ``explain`` asks for the explanations, too.
    """

    body: bytes
    id: str
    outputs: tuple[str, ...]
    explain: bool = False


_DECODER = msgspec.json.Decoder(_Request)


def input_tensor(field: Field) -> dict[str, Any]:
    """What the metadata say of a request field."""
    return {"name": field.name, "datatype": _KINDS.get(field.kind, "BYTES"), "shape": [-1]}


def output_tensors(contract: Contract) -> list[dict[str, Any]]:
    """What the metadata say of the answer; ``probabilities`` names its classes, in JSON."""
    spec = contract.answer.spec
    named = [("prediction", _predicted(contract))]
    if spec.interval is not None:
        named += [("interval_low", "FP64"), ("interval_high", "FP64")]
    named += [("covered", "BOOL"), ("not_covered", "BYTES"), ("prediction_id", "BYTES")]
    found: list[dict[str, Any]] = [
        {"name": name, "datatype": kind, "shape": [-1]} for name, kind in named
    ]
    if spec.classes:
        names = _ENCODER.encode([class_name(value) for value in spec.classes]).decode()
        parameters = {"classes": names}
        shape = [-1, len(spec.classes)]
        probabilities = {"name": "probabilities", "datatype": "FP64", "shape": shape}
        found.append(probabilities | {"parameters": parameters})
    return found


def _predicted(contract: Contract) -> str:
    """The datatype of the prediction.

    A class that may be absent is answered by its name, even where it is a number or a truth: null
    read into such an array would become one.
    """
    classes = contract.answer.spec.classes
    declines = contract.coverage is not None and not contract.coverage.estimate
    if not classes:
        return "FP64"
    for kind, datatype in ((bool, "BOOL"), (int, "INT64")):
        if all(type(value) is kind for value in classes) and not declines:
            return datatype
    return "BYTES"


def read_question(body: bytes, contract: Contract) -> Question:
    """A request's tensors as rows.

    Raises ServiceError S111 (not JSON), S113 (too many rows), InvalidRequest (S110).
    """
    request = _decoded(body)
    explain = request.parameters.get("explain", False)
    known = {tensor["name"] for tensor in output_tensors(contract)}
    known |= set(EXPLANATION) if explain is True else set()
    mistakes = [
        FieldMistake(field=output.name, what="is no output", expected=", ".join(sorted(known)))
        for output in request.outputs
        if output.name not in known
    ]
    if len(request.id) > MAX_ID:
        mistakes.append(FieldMistake(field="id", what=f"has more than {MAX_ID} characters"))
    if type(explain) is not bool:
        what, expected = "is no parameter of this kind", "true or false"
        mistakes.append(
            FieldMistake(field="explain", what=what, expected=expected, got=shown(explain))
        )
    if not request.inputs:
        mistakes.append(FieldMistake(field="inputs", what="is empty"))
    columns: dict[str, list[Any]] = {}
    for tensor in request.inputs:
        if tensor.name in columns:
            mistakes.append(FieldMistake(field=tensor.name, what="is given twice"))
        columns[tensor.name] = _column(tensor, mistakes)
    mistakes += _uneven(columns) if not mistakes else []
    if mistakes:
        raise InvalidRequest(mistakes[:MAX_LISTED], max(0, len(mistakes) - MAX_LISTED))
    wanted = tuple(output.name for output in request.outputs)
    return Question(_rows(columns, contract), request.id, wanted, explain)


def _decoded(body: bytes) -> _Request:
    try:
        request = _DECODER.decode(body)
        twice = has_duplicate_keys(body)
    except msgspec.ValidationError as error:
        raise InvalidRequest([FieldMistake(what=str(error))]) from None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise ServiceError("S111", "the body is not JSON") from None
    if twice:
        raise InvalidRequest([FieldMistake(what="a key is given twice")])
    return request


def _column(tensor: _Input, mistakes: list[FieldMistake]) -> list[Any]:
    """A tensor's elements, one a row; what is wrong is added to ``mistakes``."""
    belongs = _TESTS.get(tensor.datatype)
    if belongs is None:
        expected = f"one of {', '.join(DATATYPES)}"
        mistakes.append(_mistake(tensor, "has an unknown datatype", expected, tensor.datatype))
        return []
    shape = tensor.shape
    values = _flat(tensor.data, shape)
    if values is None or len(values) != shape[0] or any(size != 1 for size in shape[1:]):
        expected = "shape [n] or [n, 1], with one element a row"
        mistakes.append(_mistake(tensor, "has data of another shape", expected, shape))
        return []
    for row, value in enumerate(values):
        if value is not None and not belongs(value):
            expected = f"a value of {tensor.datatype}, or null"
            mistakes.append(_mistake(tensor, "is of another type", expected, value, row))
            if len(mistakes) > MAX_LISTED:
                break
    return values


def _flat(data: list[Any], shape: list[int]) -> list[Any] | None:
    """Nested data without its nesting; None where that is not the shape's."""
    if not shape or not any(type(item) is list for item in data):
        return data if shape else None
    for depth, size in enumerate(shape):
        if depth and not all(type(item) is list and len(item) == size for item in data):
            return None
        if not depth and len(data) != size:
            return None
        data = [inner for item in data for inner in item] if depth else data
    return None if any(type(item) is list for item in data) else data


def _uneven(columns: Mapping[str, Sequence[Any]]) -> Iterator[FieldMistake]:
    """One mistake for every tensor with more or fewer rows than the first."""
    first = next(iter(columns.values()), [])
    for name, values in columns.items():
        if len(values) != len(first):
            yield FieldMistake(
                field=name,
                what="has another number of rows than the first input",
                expected=str(len(first)),
                got=str(len(values)),
            )


def _rows(columns: Mapping[str, Sequence[Any]], contract: Contract) -> bytes:
    n_rows = len(next(iter(columns.values())))
    if n_rows > contract.max_rows:
        what = f"the inputs have {n_rows} rows; at most {contract.max_rows} are taken"
        raise ServiceError("S113", what)
    names = tuple(columns)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return _ENCODER.encode(rows)


def _mistake(
    tensor: _Input, what: str, expected: str, got: Any, row: int | None = None
) -> FieldMistake:
    return FieldMistake(row=row, field=tensor.name, what=what, expected=expected, got=shown(got))


def _integer(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _number(greatest: float) -> Callable[[Any], bool]:
    return lambda value: type(value) in (int, float) and abs(value) <= greatest


_TESTS: dict[str, Callable[[Any], bool]] = {
    "BOOL": lambda value: type(value) is bool,
    "BYTES": lambda value: type(value) is str,
    **{name: _integer(*limits) for name, limits in _INTEGERS.items()},
    **{name: _number(greatest) for name, greatest in _GREATEST.items()},
}


def answer_tensors(
    answers: Sequence[Mapping[str, Any]], wanted: Sequence[str], contract: Contract
) -> list[dict[str, Any]]:
    """The friendly API's answers as tensors: those wanted in that order, or all."""
    described = {tensor["name"]: tensor for tensor in output_tensors(contract)}
    found = []
    for name in [name for name in wanted if name in described] if wanted else described:
        tensor = described[name]
        shape = [len(answers), *tensor["shape"][1:]]
        data = _DATA[name](answers, contract)
        if name == "prediction" and tensor["datatype"] == "BYTES":
            data = [None if value is None else class_name(value) for value in data]
        found.append(tensor | {"shape": shape, "data": data})
    return found


_Answers = Sequence[Mapping[str, Any]]


def _plain(key: str, absent: Any = None) -> Callable[[_Answers, Contract], list[Any]]:
    return lambda answers, _: [answer.get(key, absent) for answer in answers]


def _bound(key: str) -> Callable[[_Answers, Contract], list[Any]]:
    return lambda answers, _: [
        interval[key] if (interval := answer["interval"]) else None for answer in answers
    ]


def _probabilities(answers: _Answers, contract: Contract) -> list[float | None]:
    names = [class_name(value) for value in contract.answer.spec.classes]
    return [answer.get("probabilities", {}).get(name) for answer in answers for name in names]


_DATA: dict[str, Callable[[_Answers, Contract], list[Any]]] = {
    "prediction": _plain("prediction"),
    "interval_low": _bound("low"),
    "interval_high": _bound("high"),
    "covered": _plain("covered"),
    "not_covered": _plain("not_covered", ""),
    "prediction_id": _plain("id"),
    "probabilities": _probabilities,
}
