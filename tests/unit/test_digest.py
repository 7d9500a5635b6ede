"""Digests: one value, one text, one digest; and names are held to their form."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.digest import (
    canonical_json,
    digest_bytes,
    digest_file,
    digest_json,
    is_digest,
    parse_canonical,
    seed_from,
)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def shuffled(value):
    """The same value with every mapping in another order."""
    if isinstance(value, dict):
        return {k: shuffled(value[k]) for k in reversed(list(value))}
    return [shuffled(v) for v in value] if isinstance(value, list) else value


@given(values)
def test_canonical_json_comes_back_and_knows_no_order_of_keys(value):
    data = canonical_json(value)
    assert parse_canonical(data) == value
    assert canonical_json(shuffled(value)) == data
    assert digest_json(value) == hashlib.sha256(data).hexdigest()


@given(values, values)
def test_values_of_another_text_have_another_digest(one, other):
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (digest_json(one) == digest_json(other)) == same


def test_the_exact_bytes():
    assert canonical_json({"b": [1, 2.5, None, True], "a": "ft²"}) == (
        '{"a":"ft²","b":[1,2.5,null,true]}'.encode()
    )


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_no_number_is_refused_however_deep_it_lies(number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": [number]})


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1}\n',
        b"1.0e0",
        b'"\\u00e9"',
        b"NaN",
        b"1e999",
        b"\xff",
        b"",
        b"{",
        b"[" * 100_000 + b"]" * 100_000,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_anything_else_is_not_canonical(data):
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the JSON reader's
        parse_canonical(data)


def refusal(data):
    try:
        parse_canonical(data)
    except ValueError as error:
        return str(error)
    return ""


def test_nesting_of_any_depth_is_read_or_refused_and_never_crashes():
    said = [refusal(b"[" * depth + b"]" * depth) for depth in range(100, 3_000, 7)]
    assert set(said) == {"", "the JSON is nested too deeply"}
    assert said == sorted(said)  # read up to some depth, refused beyond it


@given(st.binary())
def test_a_file_has_the_digest_of_its_bytes(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("digest") / "file"
    path.write_bytes(data)
    assert digest_file(path) == digest_bytes(data) == digest_bytes(memoryview(data))


def test_a_file_longer_than_a_chunk(tmp_path):
    data = bytes(range(256)) * 8_193  # a little over two chunks
    (tmp_path / "file").write_bytes(data)
    assert digest_file(tmp_path / "file") == hashlib.sha256(data).hexdigest()


@given(st.binary())
def test_a_digest_is_a_digest(data):
    assert is_digest(digest_bytes(data))


@pytest.mark.parametrize(
    "text",
    ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "../" + "a" * 61, "٣" * 64, "a" * 63 + "\n"],
)
def test_other_texts_are_no_digests(text):
    assert not is_digest(text)


@given(st.lists(st.text(alphabet="ab", max_size=3), min_size=1, max_size=3))
def test_a_seed_fits_32_bits_and_depends_on_the_parts_alone(parts):
    assert 0 <= seed_from(*parts) < 2**32
    assert seed_from(*parts) == seed_from(*list(parts))


def test_the_bounds_between_parts_count():
    assert len({seed_from("ab", "c"), seed_from("a", "bc"), seed_from("abc"), seed_from("c")}) == 4
    assert seed_from("snapshot", "candidate") == int.from_bytes(
        hashlib.sha256(b"snapshot\x00candidate").digest()[:4], "big"
    )
