"""A unit is found by what columns hold, whatever their type."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from interlock.data.unit import holds, is_part, texts_of


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (17, "17"),
        (17, "17.0"),
        (17.0, "17"),
        (Decimal("17.50"), "17.5"),
        ("017", "017"),
        (True, "True"),
        (date(2024, 5, 31), "2024-05-31"),
        (datetime(2024, 5, 31, 12, tzinfo=UTC), "2024-05-31T12:00:00+00:00"),
        (datetime(2024, 5, 31, 12, tzinfo=UTC), "2024-05-31 12:00:00+00:00"),
        (2**63 - 1, str(2**63 - 1)),
    ],
)
def test_a_value_is_the_part_that_names_it(value, part):
    assert is_part(value, part)


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (None, "None"),
        (17, "170"),
        (2**53 + 1, str(2**53)),
        (17, "sNaN"),
        (Decimal(1), "Infinity"),
        ("017", "17"),
        ("17", "17.0"),
        (True, "1"),
        (1.0, "one"),
        (float("nan"), "nan "),
        (date(2024, 5, 31), "2024-05-30"),
    ],
)
def test_and_no_other(value, part):
    assert not is_part(value, part)


def test_all_parts_must_be_there_in_one_row():
    table = pa.table({"a": [1, 1, 2, None], "b": ["x", "y", "x", "x"]})
    assert holds(table, ["a", "b"], ("1", "x")).tolist() == [True, False, False, False]
    assert holds(table.slice(0, 0), ["a", "b"], ("1", "x")).tolist() == []
    chunked = pa.concat_tables([table, table])
    assert holds(chunked, ["a", "b"], ("2", "x")).nonzero()[0].tolist() == [2, 6]


@given(st.lists(st.one_of(st.none(), st.integers(-5, 5)), max_size=30), st.integers(-5, 5))
def test_no_row_is_missed_and_none_is_taken_for_another(values, wanted):
    table = pa.table({"a": pa.array(values, pa.int64())})
    assert holds(table, ["a"], (str(wanted),)).tolist() == [v == wanted for v in values]


@given(st.integers() | st.floats(allow_nan=False) | st.booleans() | st.text(min_size=1))
@example(float("inf"))
@example(-0.0)
def test_what_the_log_writes_of_a_value_is_among_the_texts_of_what_names_it(value):
    kind = {int: "int", float: "float", bool: "bool", str: "str"}[type(value)]
    assert str(value) in texts_of(kind, str(value))


@given(st.integers(), st.sampled_from(["{}", "0{}", "{}.0", "{}.00", "+{}"]))
def test_texts_name_the_values_that_the_key_names(value, form):
    part = form.format(value) if value >= 0 else str(value)
    assert texts_of("int", part) == (str(value),)
    assert is_part(value, part)
    assert texts_of("str", part) == (part,)
