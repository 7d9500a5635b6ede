"""Sets of category codes that trees ask about, each answered once a row, before the trees.

ONNX Runtime searches a node's set from its first member to its last, every time a row passes, and
takes a slower way through *all* trees as soon as two nodes compare differently. So each distinct
set becomes a column of noughts and ones: a row's code picks its line of a table, and the line
stands before the row's own columns. Trees then compare numbers only; the valuation example's 300
answer in under half the time.

Invariant: a value is a member exactly when it equals one, where ``truncates`` once it has lost its
fraction; NaN and unknown codes are members of none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx.onnx_ml_pb2 import TensorProto

from interlock.release.export.builder import GraphBuilder

Members = tuple[float, ...]


@dataclass(kw_only=True)
class MemberSets:
    """Collects sets; where it ``truncates``, a value is cut towards zero before the look-up."""

    truncates: bool = False
    _sets: dict[int, dict[Members, int]] = field(default_factory=dict)

    def add(self, feature: int, members: Members) -> tuple[int, int]:
        """A set asked of a column: the column, and the set's number among those of the column."""
        known = self._sets.setdefault(feature, {})
        return feature, known.setdefault(members, len(known))

    def __len__(self) -> int:
        return sum(map(len, self._sets.values()))

    def starts(self) -> dict[int, int]:
        """Where the answers about each column begin in what :meth:`beside` gives."""
        found, start = {}, 0
        for feature, sets in self._sets.items():
            found[feature] = start
            start += len(sets)
        return found

    def beside(self, builder: GraphBuilder, source: str, *, single: bool) -> str:
        """The tensor (n_rows, number of sets + n_columns): 1 for a member, 0 for none, then the
        columns of ``source``, which holds floats where ``single``, else doubles."""
        number = np.float32 if single else np.float64
        seen = _cut(builder, source, number) if self.truncates else source
        answers = [
            _answers(builder, seen, feature, list(sets), number)
            for feature, sets in self._sets.items()
        ]
        together = answers[0] if len(answers) == 1 else builder.add("Concat", *answers, axis=1)
        kind = TensorProto.FLOAT if single else TensorProto.DOUBLE
        return builder.add("Concat", builder.cast(together, kind), source, axis=1)


def _cut(builder: GraphBuilder, source: str, kind: type[np.floating[Any]]) -> str:
    """The values without their fractions; infinite ones become NaN. Both steps are exact, and the
    same on every machine, as a cast to whole numbers is not where a value has none."""
    fraction = builder.add("Mod", source, builder.constant(np.array(1, dtype=kind)), fmod=1)
    return builder.add("Sub", source, fraction)


def _answers(
    builder: GraphBuilder,
    source: str,
    feature: int,
    sets: Sequence[Members],
    kind: type[np.floating[Any]],
) -> str:
    """Booleans (n_rows, n_sets): a line of the table for each code, the last for all others."""
    codes = sorted({code for members in sets for code in members})
    lines = {code: line for line, code in enumerate(codes)}
    table = np.zeros((len(codes) + 1, len(sets)), dtype=np.bool_)
    for column, members in enumerate(sets):
        table[[lines[code] for code in members], column] = True
    place = builder.constant(np.array(feature, dtype=np.int64))
    values = builder.add("Gather", source, place, axis=1)  # (n_rows,)
    line = builder.line(values, np.array(codes, dtype=kind))
    return builder.add("Gather", builder.constant(table), line, axis=0)
