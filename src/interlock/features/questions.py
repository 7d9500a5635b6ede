"""Questions to a history, each asked once: many rows of a day ask for the same entity's values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_ROOM = 2**62  # codes of entity and grid point


def once(at: pa.Table, entity: Sequence[str]) -> tuple[pa.Table, npt.NDArray[np.intp]]:
    """(the distinct questions, numbered from 0 on in ``__ordinal``; which of them each row asks).

    Values are compared as they are, types and all; nothing is joined to text.

    >>> at = pa.table({"__ordinal": [7, 8, 9], "e": ["a", "b", "a"], "__grid": [1, 1, 1]})
    >>> questions, asks = once(at, ["e"])
    >>> questions.to_pydict(), asks.tolist()
    ({'__ordinal': [0, 1], 'e': ['a', 'b'], '__grid': [1, 1]}, [0, 1, 0])
    """
    at = at.select(["__ordinal", *entity, "__grid"])
    codes, room = np.zeros(at.num_rows, dtype=np.int64), 1
    for name in (*entity, "__grid"):
        encoded = at[name].combine_chunks().dictionary_encode()
        size = len(encoded.dictionary) + 1
        indices = pc.fill_null(encoded.indices, size - 1).to_numpy(zero_copy_only=False)
        codes = codes * size + indices
        room *= size
    if room >= _ROOM:
        return _numbered(at), np.arange(at.num_rows)
    _, first, asks = np.unique(codes, return_index=True, return_inverse=True)
    return _numbered(at.take(pa.array(first))), asks


def _numbered(at: pa.Table) -> pa.Table:
    ordinal = pa.array(np.arange(at.num_rows, dtype=np.int64))
    return at.set_column(at.column_names.index("__ordinal"), "__ordinal", ordinal)
