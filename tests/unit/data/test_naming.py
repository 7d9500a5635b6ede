"""A unit is found in a text however JSON writes it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.data.naming import names


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('{"house": 17}', "17"),
        ('{"house": 17}', "17.0"),
        ('{"house": 17.0, "x": 1e9', "17"),
        ('{"house": 1.7e1}', "17"),
        ('{"house": "17"}', "17"),
        ('{"flag": true}', "True"),
        ('{"house": -17}', "-17.0"),
        ('{"name": "M\\u00fcller", "x": ', "Müller"),
        ('{"name": "\\ud83d\\ude00"}', "😀"),
        ('{"name": "A\\"B/C\\\\d"', 'A"B/C\\d'),
        ('{"note": "of\\nMüller"}', "Müller"),
        ('{"name": "M\\u00FCller"}', "Müller"),
        ("the customer was customer-17.", "customer-17"),
    ],
)
def test_a_text_names_a_part(text, part):
    assert names(text, (part,))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('{"house": 170}', "17"),
        ('{"house": 17.5}', "17"),
        ('{"house": 0.17}', "17"),
        ('{"house": "017"}', "17.0"),
        ('{"house": "a17"}', "17"),
        ('{"name": "M\\u00fcllerin"}', "Müller"),
        ('{"house": ' + "9" * 5_000, "17"),
        ('{"name": "\\ud83d", "x": "\\u00', "Müller"),
        ("", "17"),
    ],
)
def test_and_no_other(text, part):
    assert not names(text, (part,))


def test_every_part_must_be_named():
    assert names('{"a": 1, "b": "x"}', ("1", "x"))
    assert not names('{"a": 1, "b": "y"}', ("1", "x"))


@given(
    st.one_of(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.integers()),
    st.booleans(),
)
def test_no_value_of_a_body_is_missed(value, ascii_only):
    body = json.dumps({"house": value, "x": 1e9}, ensure_ascii=ascii_only)
    assert names(body, (str(value),))
