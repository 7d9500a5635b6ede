"""Run against staging after each deployment, before prod: does the service make sense to us?"""

import json
from urllib.request import Request, urlopen

FLAT = {
    "offered_on": "2025-06-30",
    "district": "harbour",
    "area_m2": 68.0,
    "rooms": 3,
    "floor": 2,
    "year_built": 1998,
    "balcony": True,
    "lift": False,
    "furnishing": "kitchen",
    "energy_class": "B",
}


def ask(base_url, flat):
    request = Request(
        f"{base_url}/v1/predict",
        data=json.dumps(flat).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=10) as response:
        return json.load(response)


def test_a_usual_flat_has_a_usual_rent(base_url):
    answer = ask(base_url, FLAT)
    assert 500 < answer["prediction"] < 2_500
    assert answer["interval"]["low"] < answer["prediction"] < answer["interval"]["high"]


def test_a_larger_flat_costs_more(base_url):
    small, large = ask(base_url, FLAT), ask(base_url, FLAT | {"area_m2": 110.0, "rooms": 4})
    assert large["prediction"] > small["prediction"]
