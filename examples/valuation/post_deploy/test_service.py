"""Asked of the service itself after it was deployed to staging, before it may go to prod."""

import json
import urllib.error
import urllib.request
from datetime import date

import pytest

HOUSE = {
    "valued_on": date.today().isoformat(),
    "year_built": 1950,
    "living_area_sqft": 1_500,
    "lot_sqft": 6_000,
    "stories": "one",
    "exterior_wall": "brick",
    "bedrooms": 3,
    "full_baths": 1,
    "half_baths": 1,
    "rooms": 6,
    "easting_m": 508_000.0,
    "northing_m": 221_000.0,
    "garage": "attached",
    "garage_sqft": 400,
}


def ask(base_url, house):
    body = json.dumps(house).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{base_url}/v1/predict", body, headers)
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)


def test_an_ordinary_house_has_a_plausible_value(base_url):
    answer = ask(base_url, HOUSE)
    assert 20_000 < answer["prediction"] < 500_000
    assert answer["interval"]["low"] < answer["prediction"] < answer["interval"]["high"]


def test_the_order_of_the_fields_does_not_matter(base_url):
    turned = dict(reversed(HOUSE.items()))
    assert ask(base_url, HOUSE)["prediction"] == ask(base_url, turned)["prediction"]


def test_a_mansion_is_worth_more_than_a_cottage(base_url):
    cottage = ask(base_url, {**HOUSE, "living_area_sqft": 700, "rooms": 3, "bedrooms": 1})
    mansion = ask(base_url, {**HOUSE, "living_area_sqft": 3_500, "rooms": 10, "bedrooms": 5})
    assert mansion["prediction"] > cottage["prediction"]


def test_a_house_far_outside_is_not_covered(base_url):
    answer = ask(base_url, {**HOUSE, "easting_m": 608_000.0})
    assert answer["covered"] is False
    assert answer["not_covered"] == "neighbourhood 304:110: no row of training, 30 needed"
    assert answer["prediction"] is None


def test_every_mistake_is_named(base_url):
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(base_url, {**HOUSE, "year_built": 1066, "stories": "nine"})
    found = {m["field"] for m in json.load(refused.value)["error"]["mistakes"]}
    assert (refused.value.code, found) == (422, {"year_built", "stories"})
