"""Prediction ids: unique, and in the order of time when sorted as text."""

from __future__ import annotations

import itertools
import os


class PredictionIds:
    """Makes ids of 32 hexadecimal digits: time, then this process, then a counter.

    Two processes differ by 32 random bits and by the microsecond; one process by its counter, even
    when its clock is set back.

    >>> ids = PredictionIds()
    >>> first, second = ids.next(1), ids.next(1)
    >>> first < second < ids.next(2), len(first)
    (True, 32)
    """

    def __init__(self) -> None:
        self._process = os.urandom(4).hex()
        self._counter = itertools.count()

    def next(self, time: int) -> str:
        """The next id, for an instant in microseconds."""
        return f"{time:014x}{self._process}{next(self._counter):010x}"
