"""Where state lies: one folder, and names that climb out of it are refused."""

from pathlib import Path

import pytest

from interlock.errors import StoreError
from interlock.pipeline.places import Places

ROOT = Path("/srv/project/.interlock")
PLACES = Places(ROOT)
DIGEST = "0123456789abcdef" * 4


def test_each_thing_has_one_place_inside_the_state_folder():
    assert {
        "ledger": PLACES.ledger,
        "artifacts": PLACES.artifacts,
        "lock": PLACES.lock,
        "pointers": PLACES.pointers,
        "attestations": PLACES.attestations(DIGEST),
        "online": PLACES.online("prod", "houses"),
        "log": PLACES.log("prod", "houses"),
        "delivery": PLACES.delivery("houses", 12),
        "owner": PLACES.owner("d12"),
    } == {
        "ledger": ROOT / "ledger.sqlite",
        "artifacts": ROOT / "artifacts",
        "lock": ROOT / "delivery.lock",
        "pointers": ROOT / "environments",
        "attestations": ROOT / "attestations" / DIGEST,
        "online": ROOT / "environments/prod/houses/online",
        "log": ROOT / "environments/prod/houses/log",
        "delivery": ROOT / "deliveries/houses/12",
        "owner": ROOT / "running/d12.lock",
    }


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "../../x",
        "/etc",
        "a/b",
        "a\\b",
        ".hidden",
        "a\0b",
        "ä",
        "x" * 65,
        None,
    ],
)
def test_names_that_climb_hide_or_collide_are_refused(name):
    for place in (
        lambda: PLACES.online(name, "houses"),
        lambda: PLACES.online("prod", name),
        lambda: PLACES.log(name, "houses"),
        lambda: PLACES.log("prod", name),
        lambda: PLACES.delivery(name, 1),
        lambda: PLACES.owner(name),
    ):
        with pytest.raises(StoreError, match="L104"):
            place()


@pytest.mark.parametrize("digest", ["", "../" + "a" * 61, "A" * 64, "a" * 63, DIGEST + "/x", None])
def test_only_a_digest_names_a_folder_of_attestations(digest):
    with pytest.raises(StoreError, match="L105"):
        PLACES.attestations(digest)


def test_no_place_lies_outside_the_state_folder():
    for place in (
        PLACES.online("a..b", "c"),
        PLACES.log("prod", "a.b-c_d"),
        PLACES.all_attestations,
    ):
        assert place.is_relative_to(ROOT)
        assert ".." not in place.parts
