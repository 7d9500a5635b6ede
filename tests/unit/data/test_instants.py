"""Columns as instants: a date is its first moment in its zone, if a calendar has that in UTC."""

from datetime import date

import pyarrow as pa

from interlock.clock import EARLIEST
from interlock.data.instants import instants_of


def test_a_date_that_no_calendar_of_utc_holds_is_no_instant():
    days = pa.chunked_array([pa.array([date(1, 1, 1), date(1, 1, 2), None])])
    east, here = (instants_of(days, zone=zone) for zone in ("Asia/Tokyo", "UTC"))
    assert east.unreadable.tolist() == [True, False, False]
    assert here.unreadable.tolist() == [False, False, False]
    assert here.values[0] == EARLIEST < east.values[1]
