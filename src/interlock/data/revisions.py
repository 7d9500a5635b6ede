"""Rows in the order of key and availability: which are copies, which replace which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from interlock.data.conform import Mask
from interlock.data.reasons import Reasons

FOREVER = 2**63 - 1  # the end of a revision that none has replaced

UNIQUE = "must be unique"
COPY = "repeats an identical row"
CONFLICT = "identifies rows that differ"


@dataclass(frozen=True, kw_only=True)
class Order:
    """Row numbers in order; where a new key, and a new revision of a key, begins among them."""

    rows: npt.NDArray[np.intp]
    new_key: Mask
    new_revision: Mask


def ordered(
    table: pa.Table,
    keys: Sequence[str],
    *,
    available: npt.NDArray[np.int64] | None,
    revised: bool,
    among: Mask,
) -> Order:
    """The rows ``among`` the table's, by key, availability and row number.

    A key has several revisions only where the source is ``revised`` (has an availability column).
    """
    numbers = np.flatnonzero(among)
    columns = {f"k{i}": table[key] for i, key in enumerate(keys)}
    columns["a"] = pa.array(np.zeros(table.num_rows, np.int64) if available is None else available)
    picked = pa.table(columns).take(pa.array(numbers))
    picked = picked.append_column("n", pa.array(numbers))
    order = pc.sort_indices(picked, sort_keys=[(name, "ascending") for name in picked.column_names])
    picked = picked.take(order)
    new_key = changes([picked[f"k{i}"] for i in range(len(keys))])
    new_revision = new_key | changes([picked["a"]]) if revised else new_key
    return Order(rows=picked["n"].to_numpy(), new_key=new_key, new_revision=new_revision)


def superseded(order: Order, available: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each row in order, when the key's next revision came (microseconds), or FOREVER."""
    if not len(order.rows):
        return np.empty(0, np.int64)
    starts = np.flatnonzero(order.new_revision)
    ends = np.full(len(starts), FOREVER, dtype=np.int64)
    same_key = ~order.new_key[starts[1:]]
    ends[:-1][same_key] = available[order.rows[starts[1:]]][same_key]
    found: npt.NDArray[np.int64] = ends[np.cumsum(order.new_revision) - 1]
    return found


def judge_duplicates(raw: pa.Table, order: Order, *, keys: Sequence[str], reasons: Reasons) -> int:
    """Give spare copies and conflicting rows their reasons; how many such rows there are."""
    if order.new_revision.all():
        return 0
    revision = np.cumsum(order.new_revision) - 1
    shared = np.bincount(revision)[revision] > 1
    numbers, groups = order.rows[shared], revision[shared]
    texts = [repr(tuple(row.values())) for row in raw.take(pa.array(numbers)).to_pylist()]
    distinct: dict[int, set[str]] = {}
    for group, text in zip(groups.tolist(), texts, strict=True):
        distinct.setdefault(group, set()).add(text)
    conflict = np.array([len(distinct[group]) > 1 for group in groups.tolist()], dtype=np.bool_)
    spare = ~conflict & ~order.new_revision[shared]
    name = ", ".join(keys)
    reasons.add(numbers[conflict], f"{name}: {CONFLICT}")
    reasons.add(numbers[spare], f"{name}: {COPY}")
    return int((conflict | spare).sum())


def shared_values(values: pa.Array, order: Order, free: Mask) -> npt.NDArray[np.intp]:
    """Row numbers whose value a ``free`` row with another key has too; missing is no value.

    Revisions of one key may repeat a value.
    """
    keys = np.cumsum(order.new_key)
    rows, keys = order.rows[free[order.rows]], keys[free[order.rows]]
    codes = values.take(pa.array(rows)).dictionary_encode().indices
    codes = pc.fill_null(codes, -1).to_numpy(zero_copy_only=False)
    rows, keys, codes = (found[codes >= 0] for found in (rows, keys, codes))
    pairs = np.unique(np.stack([codes, keys]), axis=1) if len(rows) else np.empty((2, 0), np.int64)
    with_keys = np.bincount(pairs[0])
    shared: npt.NDArray[np.intp] = np.sort(rows[with_keys[codes] > 1]) if len(rows) else rows
    return shared


def changes(columns: Sequence[pa.ChunkedArray]) -> Mask:
    """Whether each row differs from the row before it; the first one does."""
    n_rows = len(columns[0])
    changed = np.zeros(n_rows, dtype=np.bool_)
    changed[:1] = True
    for column in columns:
        if n_rows > 1:
            differs = pc.not_equal(column.slice(1), column.slice(0, n_rows - 1))
            changed[1:] |= differs.to_numpy()
    return changed
