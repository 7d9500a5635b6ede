"""Names from outside: what cannot be one plain path component is refused."""

import pytest

from interlock.errors import StoreError
from interlock.store.names import check_digest, check_name

CLIMBING = [
    "..", ".", "", "../x", "a/b", "a\\b", "/etc/passwd", "%2e%2e", "a;b", "a#b", "file:///x",
    "a b", "\u0430dmin", "x" * 65, "a\n", "-rf", ".hidden", "a\x00b",
]  # fmt: skip


@pytest.mark.parametrize("name", CLIMBING)
def test_a_climbing_name_is_refused(name):
    with pytest.raises(StoreError) as caught:
        check_name(name, "product")
    assert caught.value.code == "L104"


@pytest.mark.parametrize("name", ["valuation", "Flight-delays_2", "a..b", "0"])
def test_a_plain_name_passes(name):
    assert check_name(name, "product") == name


@pytest.mark.parametrize("digest", [*CLIMBING, "A" * 64, "a" * 63, "a" * 63 + "/", "٣" * 64])
def test_only_a_digest_is_a_digest(digest):
    with pytest.raises(StoreError) as caught:
        check_digest(digest)
    assert caught.value.code == "L105"
