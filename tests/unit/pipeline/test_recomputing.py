"""When a logged value is the one that recomputation gives."""

import math
from datetime import date

import pytest

from interlock.pipeline.recomputing import same


@pytest.mark.parametrize(
    ("logged", "expected", "equal"),
    [
        (math.nan, math.nan, True),
        (math.nan, 0.0, False),
        (None, math.nan, False),
        (None, None, True),
        (3, 3.0, True),
        (0.1 + 0.2, 0.3, False),
        (1, True, False),
        (False, 0, False),
        (True, True, True),
        ("2026-11-21", date(2026, 11, 21), True),
        ("2026-11-21", date(2026, 11, 22), False),
        ("1", 1, False),
    ],
)
def test_equality_of_a_logged_value(logged, expected, equal):
    assert same(logged, expected) is equal
