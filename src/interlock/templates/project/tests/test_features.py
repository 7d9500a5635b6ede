"""The features are plain functions, so they are tested as such."""

from datetime import date

import pytest
from product import age_years, area_per_room, product, stairs


def test_age_is_counted_in_calendar_years():
    assert age_years(date(2025, 7, 1), 1998) == 27


def test_area_is_divided_among_the_rooms():
    assert area_per_room(75.0, 3) == pytest.approx(25.0)


@pytest.mark.parametrize(("floor", "lift", "climbed"), [(4, False, 4), (4, True, 0), (0, False, 0)])
def test_a_lift_spares_the_stairs(floor, lift, climbed):
    assert stairs(floor, lift) == climbed


def test_a_day_trains_only_on_what_was_known_by_then():
    rows = product.training_set(as_of="2024-07-01")
    assert len(rows.y) > 1_000
