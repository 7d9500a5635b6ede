"""What XGBoost makes of its sums, in single precision and to the bit: its links, inside a graph.

It takes exponentials of floats from C, where ONNX Runtime and NumPy have others, so that a part of
a stack would differ by a rounding of 6e-8. GNU's C library, with which XGBoost is built, rounds
a double once: e^x = 2^(k/32) · 2^(r/32), k being whole and the second factor a cubic in r. With
that very cubic the float is the same but where a double's last bit would decide it, about once in
2^28. Another C library may differ; the graph is then set aside like any other that does.
"""

from __future__ import annotations

import numpy as np
from onnx.onnx_ml_pb2 import TensorProto

from interlock.release.export.builder import GraphBuilder
from interlock.train.answer import Link

_PARTS = 32.0
_PER_PART = float.fromhex("0x1.71547652b82fep+0") * _PARTS  # 32 / ln 2
_TO_WHOLE = float.fromhex("0x1.8p+52")  # a sum with it has no fraction
_CUBIC = tuple(
    float.fromhex(digits) / _PARTS**power
    for digits, power in (
        ("0x1.c6af84b912394p-5", 3),
        ("0x1.ebfce50fac4f3p-3", 2),
        ("0x1.62e42ff0c52d6p-1", 1),
    )
)
_MOST = 88.7  # the largest power that XGBoost's sigmoid takes


def prediction(builder: GraphBuilder, sums: str, link: Link) -> str:
    """Values, (n_rows, 1), or a probability a class, (n_rows, n_classes), as doubles that hold
    floats, of XGBoost's sums, doubles that hold floats, too."""
    single = builder.cast(sums, TensorProto.FLOAT)
    if link == "log":
        single = _exponential(builder, single)
    elif link == "logit":
        single = _both(builder, single)
    elif link == "softmax":
        single = _shares(builder, single)
    return builder.cast(single, TensorProto.DOUBLE)


def mean(builder: GraphBuilder, parts: list[str]) -> str:
    """The mean of tensors that hold floats, as NumPy adds and divides floats."""
    total, *others = (builder.cast(part, TensorProto.FLOAT) for part in parts)
    for part in others:
        total = builder.add("Add", total, part)
    found = builder.add("Div", total, _float(builder, len(parts)))
    return builder.cast(found, TensorProto.DOUBLE)


def _exponential(builder: GraphBuilder, powers: str) -> str:
    def number(value: float) -> str:
        return builder.constant(np.array(value))

    scaled = builder.add("Mul", builder.cast(powers, TensorProto.DOUBLE), number(_PER_PART))
    moved = builder.add("Add", scaled, number(_TO_WHOLE))
    whole = builder.add("Sub", moved, number(_TO_WHOLE))
    rest = builder.add("Sub", scaled, whole)
    third, second, first = (number(value) for value in _CUBIC)
    high = builder.add("Add", builder.add("Mul", third, rest), second)
    low = builder.add("Add", builder.add("Mul", first, rest), number(1.0))
    cubic = builder.add("Add", builder.add("Mul", high, builder.add("Mul", rest, rest)), low)
    factor = builder.add("Pow", number(2.0), builder.add("Div", whole, number(_PARTS)))
    return builder.cast(builder.add("Mul", cubic, factor), TensorProto.FLOAT)


def _both(builder: GraphBuilder, sums: str) -> str:
    power = builder.add("Min", builder.add("Neg", sums), _float(builder, _MOST))
    one = _float(builder, 1.0)
    below = builder.add("Add", _exponential(builder, power), one)
    positive = builder.add("Div", one, below)
    return builder.add("Concat", builder.add("Sub", one, positive), positive, axis=1)


def _shares(builder: GraphBuilder, sums: str) -> str:
    axis = builder.constant(np.array([1], dtype=np.int64))
    largest = builder.add("ReduceMax", sums, axis, keepdims=1)
    powers = _exponential(builder, builder.add("Sub", sums, largest))
    doubles = builder.cast(powers, TensorProto.DOUBLE)  # XGBoost adds them as such
    total = builder.add("ReduceSum", doubles, axis, keepdims=1)
    return builder.add("Div", powers, builder.cast(total, TensorProto.FLOAT))


def _float(builder: GraphBuilder, value: float) -> str:
    return builder.constant(np.array(value, dtype=np.float32))
