"""Rows whose inputs can be exchanged one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.features.definition import Input
from interlock.train.encoder import Encoder
from interlock.train.exchange import Exchange

INPUTS = (
    Input(name="area", kind="float"),
    Input(name="kind", kind="str"),
    Input(name="rooms", kind="int"),
)
NAMES = tuple(i.name for i in INPUTS)


def columns(rows):
    areas, kinds, rooms = zip(*rows, strict=True)
    return {
        "area": np.array(areas, dtype=float),
        "kind": list(kinds),
        "rooms": np.array(rooms, dtype=float),
    }


def row():
    return st.tuples(
        st.floats(-1e6, 1e6) | st.just(float("nan")),
        st.sampled_from(["a", "b", "c", "unseen", None]),
        st.floats(0, 9) | st.just(float("nan")),
    )


FITTED = columns([(1.0, "a", 1.0), (2.0, "b", float("nan")), (3.0, None, 4.0), (9.0, "c", 5.0)])
FORMS = [
    *(Exchange(inputs=NAMES, encoder=Encoder.fit(INPUTS, FITTED, s)) for s in ("tree", "linear")),
    Exchange(inputs=NAMES),
]


@pytest.mark.parametrize("exchange", FORMS, ids=["tree", "linear", "own columns"])
@given(pair=st.tuples(row(), row()), flags=st.tuples(*[st.booleans()] * 3))
def test_exchanging_columns_is_exchanging_values(exchange, pair, flags):
    one, other = exchange.rows(columns(pair))
    taken = exchange.columns_of(np.array([flags]))
    exchanged = np.where(taken, one, other)
    mixed = tuple(a if flag else b for a, b, flag in zip(*pair, flags, strict=True))
    expected = exchange.rows(columns([mixed]))
    assert all(a is b or a == b or (a != a and b != b) for a, b in zip(
        exchanged.ravel().tolist(), expected.ravel().tolist(), strict=True
    ))  # fmt: skip


@pytest.mark.parametrize("exchange", FORMS, ids=["tree", "linear", "own columns"])
def test_inputs_share_the_columns_among_them(exchange):
    width = exchange.rows(FITTED).shape[1]
    held = [c for name in NAMES for c in range(*exchange.places[name].indices(width))]
    assert held == list(range(width))


def test_a_model_gets_a_matrix_or_its_own_columns():
    tree, _, plain = FORMS
    matrix = tree.rows(FITTED)
    assert tree.taken(matrix) is matrix
    taken = plain.taken(plain.rows(FITTED))
    assert list(taken) == list(NAMES)
    assert taken["kind"].tolist() == ["a", "b", None, "c"]


def test_single_rows_have_the_same_form():
    tree, _, plain = FORMS
    values = [(1.0, "a", 1.0), (9.0, "c", None)]
    encoded = [tree.encoder.transform_row(v) for v in values]
    assert tree.rows_of(encoded).tolist()[0] == tree.rows(FITTED).tolist()[0]
    assert plain.rows_of(values).tolist() == [list(v) for v in values]
